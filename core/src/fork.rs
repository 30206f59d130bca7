//! What a process must put to rest while it forks.
//!
//! A child inherits memory but not threads: a lock that another thread held stays held for ever, and an open
//! SQLite handle is shared by two processes. So every place registers here; just before a fork its locks are
//! taken and its files closed, and afterwards both sides let go and open again when they next need to.
//! `pthread_atfork(3)` sees every `fork`, also one made by C or by Python.

#![allow(unsafe_code, reason = "pthread_atfork takes C functions")]

use std::cell::RefCell;
use std::mem::transmute;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// State that must be at rest while the process forks.
pub(crate) trait Rest: Send + Sync {
    /// Takes every lock, closes what must not be inherited, and hands out the guards.
    fn rest<'a>(&'a self, guards: &mut Guards<'a>);

    /// Closes what must not be inherited, for good.
    fn close(&self) {}
}

/// A place that is put to rest at every fork, for as long as this lives; closed when it is dropped, which no fork
/// interrupts.
pub(crate) struct Watched<T: Rest>(Arc<T>);

impl<T: Rest + 'static> Watched<T> {
    pub(crate) fn new(place: T) -> Self {
        let place = Arc::new(place);
        watched().open.push(Arc::clone(&place) as Arc<dyn Rest>);
        Self(place)
    }
}

impl<T: Rest> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Rest> Drop for Watched<T> {
    fn drop(&mut self) {
        let mut places = lock(&PLACES);
        places.open.retain(|place| !ptr::addr_eq(Arc::as_ptr(place), Arc::as_ptr(&self.0)));
        self.0.close();
    }
}

/// Anything that lets go when it is dropped.
pub(crate) trait Guard {}
impl<T> Guard for T {}

/// Locks held over a fork.
pub(crate) type Guards<'a> = Vec<Box<dyn Guard + 'a>>;

struct Places {
    /// The list of open files, and what else lives as long as the process: put to rest before the places.
    lists: Vec<&'static dyn Rest>,
    open: Vec<Arc<dyn Rest>>,
}

/// Everything here is made at compile time: what is made at first use could be half made while another thread forks,
/// and would stay so in the child.
static PLACES: Mutex<Places> = Mutex::new(Places { lists: Vec::new(), open: Vec::new() });
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// How many forks lie between this process and the first one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

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

/// Puts a list that lives as long as the process to rest at every fork from now on. It must not be locked yet.
pub(crate) fn register_list(list: &'static dyn Rest) {
    let mut places = watched();
    if !places.lists.iter().any(|known| ptr::addr_eq(*known, list)) {
        places.lists.push(list);
    }
}

/// A number that a fork changes in the child: what was started under another one, such as a thread, is not there. It
/// counts from the first registration on.
#[cfg(feature = "remote")]
pub(crate) fn generation() -> u64 {
    GENERATION.load(SeqCst)
}

/// The places, with the handlers installed.
fn watched() -> MutexGuard<'static, Places> {
    let places = lock(&PLACES);
    if !INSTALLED.swap(true, SeqCst) {
        // SAFETY: the handlers are functions that live as long as the program. It fails only for want of memory;
        // a fork is then as unsafe as it would be without us.
        unsafe { libc::pthread_atfork(Some(prepare), Some(release), Some(release_in_child)) };
    }
    places
}

/// Takes a lock whatever a panicking thread left behind: our critical sections keep their data whole.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lock in the same way, if nobody holds it.
pub(crate) fn try_lock<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

extern "C" fn prepare() {
    let registry = lock(&PLACES);
    let places = registry.open.clone();
    let mut guards = Guards::new();
    for list in &registry.lists {
        list.rest(&mut guards);
    }
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

/// Runs in the thread that forked, in the child.
extern "C" fn release_in_child() {
    GENERATION.fetch_add(1, SeqCst);
    release();
}

/// Runs in the thread that forked, in the parent and in the child.
extern "C" fn release() {
    let _ = HELD.try_with(|slot| slot.borrow_mut().take());
}
