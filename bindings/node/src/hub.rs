//! One wake-up for all that waits in a thread of JavaScript.

use napi::bindgen_prelude::{Function, Result};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake as WakeUp, Waker};

/// Weak, so that it does not keep the process alive; unbounded, as a call carries nothing and only the first is made.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 0>;

pub(crate) struct Hub {
    wake: Mutex<Option<Wake>>,
    ready: Mutex<Vec<u32>>,
    last_id: AtomicU32,
}

/// Something that is waited for under a number.
struct Waiting {
    hub: Arc<Hub>,
    id: u32,
}

impl WakeUp for Waiting {
    fn wake(self: Arc<Self>) {
        self.hub.wake(self.id);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// The number something is waited for by.
    pub(crate) fn id(&self) -> u32 {
        self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    /// What is woken, from any thread, once there is something for `id`.
    pub(crate) fn waker(self: &Arc<Self>, id: u32) -> Waker {
        Waker::from(Arc::new(Waiting { hub: self.clone(), id }))
    }

    fn wake(&self, id: u32) {
        let first = {
            let mut ready = lock(&self.ready);
            ready.push(id);
            ready.len() == 1
        };
        if first && let Some(wake) = &*lock(&self.wake) {
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

/// The wake-up, as JavaScript makes it.
#[napi]
pub struct NativeHub {
    pub(crate) hub: Arc<Hub>,
}

#[napi]
impl NativeHub {
    /// `wake` is called after something became ready; `take` says what.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, wake: Function<'_, (), ()>) -> Result<Self> {
        let wake: Wake = wake.build_threadsafe_function().callee_handled::<false>().weak::<true>().build()?;
        let hub =
            Arc::new(Hub { wake: Mutex::new(Some(wake)), ready: Mutex::default(), last_id: AtomicU32::default() });
        // Node takes the function down itself, and cannot bear that another thread calls or releases it meanwhile. The
        // hook holds the hub, so that nobody else is ever the last to drop the function.
        env.add_env_cleanup_hook(hub.clone(), |hub| std::mem::forget(lock(&hub.wake).take()))?;
        Ok(Self { hub })
    }

    /// What became ready since the last time.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *lock(&self.hub.ready))
    }
}
