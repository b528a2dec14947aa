//! Loading and unloading a module for good. A scenario's host keeps its module loaded, so this runs in a child process
//! of the scenario, which opens the module itself.

use crate::expect::{Check, failed};
use crate::module::Module;
use crate::scenario::{finalize, initialize, slots};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;

/// How the module is unloaded.
#[derive(Clone, Copy)]
pub enum How {
    /// Ten times: open, initialise, use, finalise, unload.
    Again,
    /// While a thread that has called the module lives on, and ends after it.
    BesideAThread,
    /// Without C_Finalize before.
    Unfinalized,
}

impl How {
    const ALL: [(&'static str, How); 3] =
        [("again", How::Again), ("beside-a-thread", How::BesideAThread), ("unfinalized", How::Unfinalized)];

    fn name(self) -> &'static str {
        match self {
            How::Again => "again",
            How::BesideAThread => "beside-a-thread",
            How::Unfinalized => "unfinalized",
        }
    }
}

/// The scenario's side: starts the child with its own module and looks how it ends.
pub fn in_child(how: How) -> Check {
    let module = std::env::args_os().nth(2).ok_or_else(|| failed("no path", "the module's path"))?;
    let program = std::env::current_exe().map_err(|error| failed(error, "this program"))?;
    let output = Command::new(program).arg("host").arg(module).args(["unload", how.name()]).output();
    let output = output.map_err(|error| failed(error, "a child process"))?;
    match (output.status.signal(), output.status.success()) {
        (_, true) => Ok(()),
        (Some(signal), _) => Err(failed(format!("the host died with signal {signal}"), "the host lives")),
        _ => Err(failed(String::from_utf8_lossy(&output.stderr).trim(), "the module loads and works again")),
    }
}

/// The child's side.
pub fn run(path: &Path, how: &str) -> Result<(), String> {
    let how = How::ALL.iter().find(|(name, _)| *name == how).map(|(_, how)| *how);
    match how.ok_or("no such way to unload")? {
        How::Again => (0..10).try_for_each(|_| {
            let module = used(path)?;
            finalize(&module).map_err(|error| error.to_string())?;
            module.unload();
            Ok(())
        }),
        How::BesideAThread => beside_a_thread(path),
        How::Unfinalized => {
            used(path)?.unload();
            Ok(())
        }
    }
}

/// An initialised module that has answered a call.
fn used(path: &Path) -> Result<Module, String> {
    let module = Module::open(path)?;
    initialize(&module).map_err(|error| error.to_string())?;
    slots(&module, false).map_err(|error| error.to_string())?;
    Ok(module)
}

fn beside_a_thread(path: &Path) -> Result<(), String> {
    let module = used(path)?;
    let (called, unloaded) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        let (module_ref, called, unloaded) = (Module::list(&module).C_GetSlotList, &called, &unloaded);
        scope.spawn(move || {
            let mut count = 0;
            if let Some(function) = module_ref {
                // SAFETY: the module is loaded until after `called`; NULL asks for the count.
                unsafe { function(cryptoki_sys::CK_FALSE, std::ptr::null_mut(), &mut count) };
            }
            called.wait();
            unloaded.wait();
        });
        called.wait();
        let finalized = finalize(&module).map_err(|error| error.to_string());
        module.unload();
        unloaded.wait();
        finalized
    })
}
