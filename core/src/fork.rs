//! What a process must put to rest while it forks.
//!
//! A child inherits memory but not threads: a lock that another thread held stays held for ever, and an open
//! SQLite handle is shared by two processes. So every place registers here; just before a fork its locks are
//! taken and its files closed, and afterwards both sides let go and open again when they next need to.
//! `pthread_atfork(3)` sees every `fork`, also one made by C or by Python.
//!
//! A fork is quick whatever the others wait for. First it takes the locks that are held while a disk is written or another
//! process is waited for; a thread that waits so gives up as soon as a fork is pending, and goes on after it (`patience`). Last it
//! takes the locks of the hot path, which are held for a moment only. What a thread marks as its own for longer than a lock
//! is held is data: the child clears it, since it has no such thread.

#![allow(unsafe_code, reason = "pthread_atfork takes C functions")]

use std::cell::RefCell;
use std::mem::transmute;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// State that must be at rest while the process forks.
pub(crate) trait ForkSafe: Send + Sync {
    /// Takes every lock that may be held while something is waited for, closes what must not be inherited, and hands out
    /// the guards.
    fn quiesce_slow<'a>(&'a self, _guards: &mut ForkGuards<'a>) {}

    /// Takes every other lock, each of which is held for a moment only, and hands out the guards.
    fn quiesce<'a>(&'a self, guards: &mut ForkGuards<'a>);

    /// Closes what must not be inherited, for good.
    fn close(&self) {}
}

/// A place that is put to rest at every fork, for as long as this lives; closed when it is dropped, which no fork
/// interrupts.
pub(crate) struct ForkRegistered<T: ForkSafe>(Arc<T>);

impl<T: ForkSafe + 'static> ForkRegistered<T> {
    pub(crate) fn new(database: T) -> Self {
        let database = Arc::new(database);
        watched().open.push(Arc::clone(&database) as Arc<dyn ForkSafe>);
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

/// Anything that lets go when it is dropped.
pub(crate) trait Guard {}
impl<T> Guard for T {}

/// Locks held over a fork.
pub(crate) type ForkGuards<'a> = Vec<Box<dyn Guard + 'a>>;

/// Holds a lock over a fork; the child clears what belongs to threads that it does not have.
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

struct Places {
    /// The list of open files, and what else lives as long as the process.
    lists: Vec<&'static dyn ForkSafe>,
    open: Vec<Arc<dyn ForkSafe>>,
}

/// Everything here is made at compile time: what is made at first use could be half made while another thread forks,
/// and would stay so in the child.
static DATABASES: Mutex<Places> = Mutex::new(Places { lists: Vec::new(), open: Vec::new() });
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Whether a fork is between its start and its end. `DATABASES` is locked meanwhile.
static PENDING: AtomicBool = AtomicBool::new(false);
/// How many forks lie between this process and the first one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What this thread holds between the start of its `fork` and the end of it.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Fields drop in order: guards before what they guard.
struct Held {
    _guards: ForkGuards<'static>,
    _places: Vec<Arc<dyn ForkSafe>>,
    _registry: MutexGuard<'static, Places>,
}

/// Puts a list that lives as long as the process to rest at every fork from now on. It must not be locked yet.
pub(crate) fn register_list(list: &'static dyn ForkSafe) {
    let mut databases = watched();
    if !databases.lists.iter().any(|known| ptr::addr_eq(*known, list)) {
        databases.lists.push(list);
    }
}

/// A number that a fork changes in the child: what was started under another one, such as a thread, is not there. It
/// counts from the first registration on.
pub(crate) fn generation() -> u64 {
    GENERATION.load(SeqCst)
}

/// Whether a fork is pending: who waits for something gives up, so that it need not wait for them.
#[inline]
pub(crate) fn is_pending() -> bool {
    PENDING.load(SeqCst)
}

/// Waits for the end of a fork that is pending. The caller holds nothing that the fork could need.
pub(crate) fn wait_until_done() {
    drop(lock(&DATABASES));
}

/// The places, with the handlers installed.
fn watched() -> MutexGuard<'static, Places> {
    let databases = lock(&DATABASES);
    if !INSTALLED.swap(true, SeqCst) {
        // SAFETY: the handlers are functions that live as long as the program. It fails only for want of memory;
        // a fork is then as unsafe as it would be without us.
        unsafe { libc::pthread_atfork(Some(prepare), Some(release), Some(release_in_child)) };
    }
    databases
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
    let registry = lock(&DATABASES);
    PENDING.store(true, SeqCst);
    let databases = registry.open.clone();
    let mut guards = ForkGuards::new();
    let all = || registry.lists.iter().copied().chain(databases.iter().map(Deref::deref));
    all().for_each(|database| database.quiesce_slow(&mut guards));
    all().for_each(|database| database.quiesce(&mut guards));
    // SAFETY: only the lifetime changes. The guards borrow from allocations that `_places` keeps alive, and `Held`
    // drops its guards first.
    let guards = unsafe { transmute::<ForkGuards<'_>, ForkGuards<'static>>(guards) };
    let held = Held { _guards: guards, _places: databases, _registry: registry };
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
    PENDING.store(false, SeqCst);
    let _ = HELD.try_with(|slot| slot.borrow_mut().take());
}
