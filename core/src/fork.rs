//! What a process must put to rest while it forks.
//!
//! A child inherits memory but not threads: a lock that another thread held stays held for ever, and an open
//! SQLite handle is shared by two processes. So every place registers here; just before a fork its locks are
//! taken and its files closed, and afterwards both sides let go and open again when they next need to.
//! `pthread_atfork(3)` sees every `fork`, also one made by C or by Python.

#![allow(unsafe_code, reason = "pthread_atfork takes C functions")]

use std::cell::RefCell;
use std::mem::transmute;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

/// State that must be at rest while the process forks.
pub(crate) trait Rest: Send + Sync {
    /// Takes every lock, closes what must not be inherited, and hands out the guards.
    fn rest<'a>(&'a self, guards: &mut Guards<'a>);
}

/// Anything that lets go when it is dropped.
pub(crate) trait Guard {}
impl<T> Guard for T {}

/// Locks held over a fork.
pub(crate) type Guards<'a> = Vec<Box<dyn Guard + 'a>>;

type Places = Vec<Weak<dyn Rest>>;

static PLACES: Mutex<Places> = Mutex::new(Vec::new());
static INSTALL: Once = Once::new();

thread_local! {
    /// What this thread holds between the start of its `fork` and the end of it.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Fields drop in order: guards before what they guard.
struct Held {
    _guards: Guards<'static>,
    _places: Vec<Arc<dyn Rest>>,
    _registry: MutexGuard<'static, Places>,
}

/// Puts `place` to rest at every fork from now on, for as long as it lives.
pub(crate) fn register(place: Weak<dyn Rest>) {
    INSTALL.call_once(|| {
        // SAFETY: the handlers are functions that live as long as the program. It fails only for want of memory;
        // a fork is then as unsafe as it would be without us.
        unsafe { libc::pthread_atfork(Some(prepare), Some(release), Some(release)) };
    });
    let mut places = lock(&PLACES);
    places.retain(|known| known.strong_count() > 0);
    places.push(place);
}

/// Takes a lock whatever a panicking thread left behind: our critical sections keep their data whole.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn prepare() {
    let registry = lock(&PLACES);
    let places: Vec<_> = registry.iter().filter_map(Weak::upgrade).collect();
    let mut guards = Guards::new();
    for place in &places {
        place.rest(&mut guards);
    }
    // SAFETY: only the lifetime changes. The guards borrow from allocations that `_places` keeps alive, and `Held`
    // drops its guards first.
    let guards = unsafe { transmute::<Guards<'_>, Guards<'static>>(guards) };
    let held = Held { _guards: guards, _places: places, _registry: registry };
    // A thread that forks while it ends has no storage left: then nothing is held over the fork.
    let _ = HELD.try_with(|slot| slot.borrow_mut().replace(held));
}

/// Runs in the thread that forked, in the parent and in the child.
extern "C" fn release() {
    let _ = HELD.try_with(|slot| slot.borrow_mut().take());
}
