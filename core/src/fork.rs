//! Fork safety: what a process must quiesce while it forks.
//!
//! A child inherits memory but not threads: a lock that another thread held stays locked forever, and an open
//! SQLite handle would be shared by two processes. Therefore every open database is registered here. Just before a
//! fork its locks are taken and its files are closed; afterwards both processes release the locks, and open the
//! files again when they need them. `pthread_atfork(3)` sees every `fork`, also those made by C or by Python.
//!
//! A fork does not wait for slow operations. First it takes the locks that may be held during a wait for a disk or
//! another process: a thread that is waiting gives up as soon as a fork is pending, and tries again after it
//! (`deadline`). Last it takes the locks of the hot path, which are held only briefly. Ownership by a thread that
//! lasts longer than a lock is stored as data, and the child clears it, because it does not have that thread.

#![allow(unsafe_code, reason = "pthread_atfork takes C functions")]

use std::cell::RefCell;
use std::mem::transmute;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// State that must be quiesced while the process forks.
pub(crate) trait ForkSafe: Send + Sync {
    /// Takes every lock that may be held during a wait, closes what must not be inherited, and returns the guards.
    fn quiesce_slow<'a>(&'a self, _guards: &mut ForkGuards<'a>) {}

    /// Takes every other lock, each of which is held only briefly, and returns the guards.
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>);

    /// Closes what must not be inherited, for good.
    fn close(&self) {}
}

/// A value that is quiesced at every fork for as long as this lives. It is closed on drop, which no fork
/// interrupts.
pub(crate) struct ForkRegistered<T: ForkSafe>(Arc<T>);

impl<T: ForkSafe + 'static> ForkRegistered<T> {
    pub(crate) fn new(database: T) -> Self {
        let database = Arc::new(database);
        registered().open.push(Arc::clone(&database) as Arc<dyn ForkSafe>);
        Self(database)
    }
}

impl<T: ForkSafe> Deref for ForkRegistered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ForkSafe> Drop for ForkRegistered<T> {
    fn drop(&mut self) {
        let mut databases = lock(&DATABASES);
        databases.open.retain(|database| !ptr::addr_eq(Arc::as_ptr(database), Arc::as_ptr(&self.0)));
        self.0.close();
    }
}

/// A value that releases a lock when it is dropped.
pub(crate) trait Guard {}
impl<T> Guard for T {}

/// Locks held during a fork.
pub(crate) type ForkGuards<'a> = Vec<Box<dyn Guard + 'a>>;

/// Holds a lock during a fork. The child runs `clear`, to remove state of threads that it does not have.
pub(crate) fn clear_in_child<'a, T>(held: MutexGuard<'a, T>, clear: fn(&mut T)) -> Box<dyn Guard + 'a> {
    Box::new(ClearedInChild { held, clear, generation: generation() })
}

struct ClearedInChild<'a, T> {
    held: MutexGuard<'a, T>,
    clear: fn(&mut T),
    generation: u64,
}

impl<T> Drop for ClearedInChild<'_, T> {
    fn drop(&mut self) {
        if self.generation != generation() {
            (self.clear)(&mut self.held);
        }
    }
}

struct Registry {
    /// The list of open databases, and other state that lives as long as the process.
    lists: Vec<&'static dyn ForkSafe>,
    open: Vec<Arc<dyn ForkSafe>>,
}

/// Initialized at compile time: a lazily initialized value could be half initialized when another thread forks, and
/// would stay so in the child.
static DATABASES: Mutex<Registry> = Mutex::new(Registry { lists: Vec::new(), open: Vec::new() });
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Whether a fork is in progress. `DATABASES` is locked meanwhile.
static PENDING: AtomicBool = AtomicBool::new(false);
/// The number of forks between the first process and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What this thread holds while it forks.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// The fields are dropped in order: guards before what they guard.
struct Held {
    _guards: ForkGuards<'static>,
    _databases: Vec<Arc<dyn ForkSafe>>,
    _registry: MutexGuard<'static, Registry>,
}

/// Registers a list that lives as long as the process, to be quiesced at every fork. It must not be locked yet.
pub(crate) fn register_list(list: &'static dyn ForkSafe) {
    let mut databases = registered();
    if !databases.lists.iter().any(|known| ptr::addr_eq(*known, list)) {
        databases.lists.push(list);
    }
}

/// A number that a fork changes in the child: what was started in another generation, such as a thread, does not
/// exist. It counts from the first registration on.
pub(crate) fn generation() -> u64 {
    GENERATION.load(SeqCst)
}

/// Whether a fork is pending. Threads that wait for something give up then, so that the fork need not wait for
/// them.
#[inline]
pub(crate) fn is_pending() -> bool {
    PENDING.load(SeqCst)
}

/// Waits for the end of a pending fork. The caller must not hold anything that the fork could need.
pub(crate) fn wait_until_done() {
    drop(lock(&DATABASES));
}

/// The registry, with the fork handlers installed.
fn registered() -> MutexGuard<'static, Registry> {
    let databases = lock(&DATABASES);
    if !INSTALLED.swap(true, SeqCst) {
        // SAFETY: the handlers are functions that live as long as the program. It fails only without memory; a fork
        // is then as unsafe as it would be without the handlers.
        unsafe { libc::pthread_atfork(Some(prepare), Some(release), Some(release_in_child)) };
    }
    databases
}

/// Takes a lock even if a thread panicked while holding it: our critical sections keep their data consistent.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lock like [`lock`], if it is free.
pub(crate) fn try_lock<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

extern "C" fn prepare() {
    let registry = lock(&DATABASES);
    PENDING.store(true, SeqCst);
    let databases = registry.open.clone();
    let mut guards = ForkGuards::new();
    let all = || registry.lists.iter().copied().chain(databases.iter().map(Deref::deref));
    all().for_each(|database| database.quiesce_slow(&mut guards));
    all().for_each(|database| database.quiesce(&mut guards));
    // SAFETY: only the lifetime changes. The guards borrow from allocations that `_databases` keeps alive, and
    // `Held` drops its guards first.
    let guards = unsafe { transmute::<ForkGuards<'_>, ForkGuards<'static>>(guards) };
    let held = Held { _guards: guards, _databases: databases, _registry: registry };
    // A thread that forks while it ends has no thread-local storage left: then nothing is held during the fork.
    let _ = HELD.try_with(|slot| slot.borrow_mut().replace(held));
}

/// Runs in the thread that forked, in the child.
extern "C" fn release_in_child() {
    GENERATION.fetch_add(1, SeqCst);
    release();
}

/// Runs in the thread that forked, in the parent and in the child.
extern "C" fn release() {
    PENDING.store(false, SeqCst);
    let _ = HELD.try_with(|slot| slot.borrow_mut().take());
}
