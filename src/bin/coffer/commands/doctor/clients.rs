//! Where the library is, and what clients need to be told to use it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::output;

/// The library's file name.
pub const LIBRARY: &str = "libcoffer_pkcs11.so";

/// Lines for one client.
#[derive(Serialize)]
pub struct Client {
    pub name: &'static str,
    pub lines: Vec<String>,
}

/// The library that belongs to this tool: beside it, in `../lib`, or where libraries are installed.
pub fn library() -> Option<PathBuf> {
    let tool = std::env::current_exe().ok()?;
    let folder = tool.parent()?;
    let around =
        ["", "../lib", "../lib/pkcs11", "../lib64", "../lib/x86_64-linux-gnu", "../lib/aarch64-linux-gnu"];
    let installed = [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let folders =
        around.iter().map(|relative| folder.join(relative)).chain(installed.iter().map(PathBuf::from));
    folders
        .map(|folder| folder.join(LIBRARY))
        .find(|path| path.is_file())
        .map(|path| path.canonicalize().unwrap_or(path))
}

/// The p11-kit module file that names this library, where there is one.
pub fn p11_kit_module() -> Option<PathBuf> {
    let folders = ["/etc/pkcs11/modules", "/usr/share/p11-kit/modules", "/usr/local/share/p11-kit/modules"];
    folders.iter().map(|folder| Path::new(folder).join("coffer.module")).find(|path| path.is_file())
}

/// The lines for every client.
pub fn all(library: &Path, label: &str) -> Vec<Client> {
    let library = library.display();
    let named = output::quoted(label);
    let token = crate::uri::Uri { token: Some(label.into()), ..Default::default() };
    let client = |name, lines: &[String]| Client { name, lines: lines.to_vec() };
    vec![
        client(
            "pkcs11-tool (OpenSC)",
            &[format!("pkcs11-tool --module {library} --token-label {named} --login --pin env:COFFER_PIN --list-objects")],
        ),
        client(
            "OpenSSL 3, pkcs11 engine (libengine-pkcs11-openssl)",
            &[format!("PKCS11_MODULE_PATH={library} openssl dgst -engine pkcs11 -keyform engine -sign '{token};object=KEY;type=private' -sha256 FILE")],
        ),
        client(
            "OpenSSL 3, pkcs11 provider (openssl.cnf)",
            &[
                "[provider_sect]".into(),
                "default = default_sect".into(),
                "pkcs11 = pkcs11_sect".into(),
                "[default_sect]".into(),
                "activate = 1".into(),
                "[pkcs11_sect]".into(),
                "module = pkcs11.so".into(),
                format!("pkcs11-module-path = {library}"),
                "activate = 1".into(),
            ],
        ),
        client(
            "Java (coffer.cfg, for SunPKCS11)",
            &[
                "name = Coffer".into(),
                format!("library = {library}"),
                "slotListIndex = 0".into(),
                "# keytool -list -keystore NONE -storetype PKCS11 -addprovider SunPKCS11 -providerArg coffer.cfg".into(),
            ],
        ),
        client(
            "NSS (Firefox, Chromium, certutil)",
            &[
                "mkdir -p $HOME/.pki/nssdb".into(),
                format!("modutil -dbdir sql:$HOME/.pki/nssdb -add Coffer -libfile {library} -force"),
            ],
        ),
        client(
            "p11-kit (/etc/pkcs11/modules/coffer.module), GnuTLS, curl, wget",
            &[format!("module: {library}"), format!("# p11tool --list-all '{token}'")],
        ),
        client("OpenSSH", &[format!("ssh-keygen -D {library}"), format!("ssh -o PKCS11Provider={library} HOST")]),
    ]
}
