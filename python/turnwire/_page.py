"""Lists are paginated; iterating a page continues over all following pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Page(Generic[T]):
    """A page of a list. ``data`` has the items of this page; iterating yields them and those of all pages after it."""

    def __init__(self, data: tuple[T, ...], next_cursor: str | None, fetch: Callable[[str | None], Page[T]]) -> None:
        self.data = data
        #: The cursor of the next page; ``None`` if this is the last.
        self.next_cursor = next_cursor
        self._fetch = fetch

    def has_next_page(self) -> bool:
        """Whether a page follows."""
        return self.next_cursor is not None

    def get_next_page(self) -> Page[T]:
        """The page after this one."""
        if self.next_cursor is None:
            raise RuntimeError("this is the last page; ask has_next_page() first")
        return self._fetch(self.next_cursor)

    def __iter__(self) -> Iterator[T]:
        page = self
        while True:
            yield from page.data
            if page.next_cursor is None:
                return
            page = page.get_next_page()

    def __repr__(self) -> str:
        return f"Page(data={self.data!r}, next_cursor={self.next_cursor!r})"


class AsyncPage(Generic[T]):
    """A page of a list, in an asynchronous program."""

    def __init__(
        self, data: tuple[T, ...], next_cursor: str | None, fetch: Callable[[str | None], Awaitable[AsyncPage[T]]]
    ) -> None:
        self.data = data
        #: The cursor of the next page; ``None`` if this is the last.
        self.next_cursor = next_cursor
        self._fetch = fetch

    def has_next_page(self) -> bool:
        """Whether a page follows."""
        return self.next_cursor is not None

    async def get_next_page(self) -> AsyncPage[T]:
        """The page after this one."""
        if self.next_cursor is None:
            raise RuntimeError("this is the last page; ask has_next_page() first")
        return await self._fetch(self.next_cursor)

    async def __aiter__(self) -> AsyncIterator[T]:
        page = self
        while True:
            for item in page.data:
                yield item
            if page.next_cursor is None:
                return
            page = await page.get_next_page()

    def __repr__(self) -> str:
        return f"AsyncPage(data={self.data!r}, next_cursor={self.next_cursor!r})"


class AsyncPages(Generic[T]):
    """A requested list: await it for its first page, or iterate it for all items."""

    def __init__(self, fetch: Callable[[str | None], Awaitable[AsyncPage[T]]], cursor: str | None) -> None:
        self._fetch = fetch
        self._cursor = cursor

    def __await__(self) -> Generator[Any, Any, AsyncPage[T]]:
        return self._fetch(self._cursor).__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        async for item in await self:
            yield item
