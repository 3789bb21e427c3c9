// Written by turnwire at each start of OpenCode, whose runtime loads it before anything else (BUN_INSPECT_PRELOAD): this process is
// closed to others of the same user, and only then holds the password of its API, which no environment shows.
delete process.env.BUN_INSPECT_PRELOAD;

if (process.platform === "linux") {
  try {
    const { dlopen } = require("bun:ffi");
    const prctl = { args: ["int", "u64", "u64", "u64", "u64"], returns: "int" };
    for (const library of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]) {
      try {
        dlopen(library, { prctl }).symbols.prctl(4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
        break;
      } catch {}
    }
  } catch {}
}

// Nothing comes where a script around OpenCode keeps its input: then the one in the environment holds.
const password = require("node:fs").readFileSync(0, "utf8");
if (password) process.env.OPENCODE_SERVER_PASSWORD = password;
