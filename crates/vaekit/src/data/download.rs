//! Fetching one file: mirrors, resume, a stall limit, and a checksum before it counts.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::{Digest, Md5};

use crate::error::ErrorKind;
use crate::{Error, Result};

use super::idx::read_unzipped;
use super::public::Progress;

/// What a complete file must hash to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// MD5 of the uncompressed content: a file that was packed anew passes.
    Unpacked(&'static str),
    /// MD5 of the file as published, where no other is known.
    Published(&'static str),
}

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct Download<'a> {
    /// Tried in order.
    pub urls: Vec<String>,
    /// The file that it becomes.
    pub target: &'a Path,
    /// What its bytes must sum to.
    pub checksum: Checksum,
    /// A connection that brings nothing for so long is given up.
    pub stall: Duration,
    /// A server that sends more bytes is given up, and so is a file that unpacks to more.
    pub most: u64,
}

impl Download<'_> {
    /// Fetches to `target`, by way of `target.part`, which a later call goes on from.
    ///
    /// # Errors
    /// When no mirror gives a file with the right checksum; each one's trouble is told.
    pub fn fetch(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
        let part = self.target.with_extension("part");
        let mut troubles = Vec::new();
        for url in &self.urls {
            match self.fetch_from(url, &part, progress) {
                Ok(()) => {
                    return std::fs::rename(&part, self.target).map_err(|e| Error::io("write", self.target, e));
                }
                Err(trouble) => troubles.push(format!("{url}: {trouble}")),
            }
        }
        let what = self.target.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Err(ErrorKind::Download {
            what,
            problem: format!("{}; or put the file into a folder named by VAEKIT_DATA", troubles.join("; ")),
        }
        .into())
    }

    fn fetch_from(&self, url: &str, part: &PathBuf, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), String> {
        let mut have = std::fs::symlink_metadata(part).map_or(0, |m| m.len());
        if have > self.most {
            std::fs::remove_file(part).map_err(|e| format!("cannot remove {}: {e}", part.display()))?;
            have = 0;
        }
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_connect(Some(self.stall))
            .timeout_recv_response(Some(self.stall))
            .timeout_per_read(Some(self.stall))
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent.get(url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        let mut response = request.call().map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        let mut file = match status {
            200 => from_nothing(part),
            206 => nofollow(OpenOptions::new().append(true)).open(part),
            416 => {
                // The part is as long as the file or longer: whole, or useless.
                return self.check(part).inspect_err(|_| drop(std::fs::remove_file(part)));
            }
            _ => return Err(format!("the server answered {status}")),
        }
        .map_err(|e| format!("cannot write {}: {e}", part.display()))?;
        let mut done = if status == 206 { have } else { 0 };
        let total = response
            .headers()
            .get("content-length")
            .and_then(|v| v.to_str().ok()?.parse::<u64>().ok())
            .map(|length| done + length);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        let name = self.target.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        loop {
            let n = body
                .read(&mut buffer)
                .map_err(|e| format!("broke off after {done} bytes ({e}); a new try goes on from there"))?;
            if n == 0 {
                break;
            }
            if done + n as u64 > self.most {
                drop(std::fs::remove_file(part));
                return Err(format!("sends more than the {} bytes that are expected", self.most));
            }
            file.write_all(&buffer[..n]).map_err(|e| format!("cannot write {}: {e}", part.display()))?;
            done += n as u64;
            progress(Progress { file: &name, done, total });
        }
        if let Some(total) = total
            && done < total
        {
            return Err(format!("ended after {done} of {total} bytes; a new try goes on from there"));
        }
        file.sync_all().map_err(|e| e.to_string())?;
        // What is complete but wrong would only be wrong again.
        self.check(part).inspect_err(|_| drop(std::fs::remove_file(part)))
    }

    fn check(&self, part: &Path) -> Result<(), String> {
        let (bytes, want) = match self.checksum {
            Checksum::Unpacked(md5) => (read_unzipped(part, self.most).map_err(|e| e.to_string())?, md5),
            Checksum::Published(md5) => {
                let mut bytes = Vec::new();
                let file = nofollow(OpenOptions::new().read(true)).open(part).map_err(|e| e.to_string())?;
                file.take(self.most + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
                (bytes, md5)
            }
        };
        let found = md5_hex(&bytes);
        if found == want { Ok(()) } else { Err(format!("the checksum is {found}, expected {want}")) }
    }
}

/// An empty file in the place of whatever is there; a link there is removed, not followed.
fn from_nothing(part: &Path) -> std::io::Result<File> {
    match std::fs::remove_file(part) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    nofollow(OpenOptions::new().write(true).create_new(true)).open(part)
}

fn nofollow(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW);
    options
}

/// MD5 as hexadecimal text.
pub fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// MD5 of "0123456789".
    const TEN: Checksum = Checksum::Unpacked("781e5e245d69b566979b86e28d23f2c7");

    /// Serves each answer to one connection, and returns the requests that came.
    fn serve(answers: Vec<Vec<u8>>, hang: bool) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                    request.push(byte[0]);
                }
                requests.push(String::from_utf8(request).unwrap().to_ascii_lowercase());
                stream.write_all(&answer).unwrap();
                if hang {
                    std::thread::sleep(Duration::from_secs(2));
                }
            }
            requests
        });
        (url, server)
    }

    fn answer(status: &str, length: usize, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
    }

    fn fetch(urls: Vec<String>, dir: &Path) -> (Result<()>, PathBuf) {
        let target = dir.join("file.gz");
        let download =
            Download { urls, target: &target, checksum: TEN, stall: Duration::from_millis(400), most: 1_000 };
        (download.fetch(&mut |_| ()), target)
    }

    #[test]
    fn a_good_file_arrives_packed_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let (url, _server) = serve(vec![answer("200 OK", 10, "0123456789")], false);
        let (result, target) = fetch(vec![url], dir.path());
        result.unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"0123456789");

        std::fs::remove_file(&target).unwrap();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(b"0123456789").unwrap();
        let packed = packed.finish().unwrap();
        let mut reply = answer("200 OK", packed.len(), "");
        reply.extend(packed);
        let (url, _server) = serve(vec![reply], false);
        fetch(vec![url], dir.path()).0.unwrap();
    }

    #[test]
    fn a_truncated_file_goes_on_where_it_broke_off() {
        let dir = tempfile::tempdir().unwrap();
        let (url, server) =
            serve(vec![answer("200 OK", 10, "0123"), answer("206 Partial Content", 6, "456789")], false);
        let (result, target) = fetch(vec![url.clone()], dir.path());
        assert_eq!(result.unwrap_err().exit_code(), 1);
        assert!(!target.exists());
        fetch(vec![url], dir.path()).0.unwrap();
        assert!(server.join().unwrap()[1].contains("range: bytes=4-"));
        assert_eq!(std::fs::read(target).unwrap(), b"0123456789");
    }

    #[test]
    fn a_wrong_checksum_is_refused_and_the_next_mirror_tried() {
        let dir = tempfile::tempdir().unwrap();
        let (bad, _a) = serve(vec![answer("200 OK", 10, "9876543210"); 2], false);
        let (good, _b) = serve(vec![answer("200 OK", 10, "0123456789")], false);
        let (result, target) = fetch(vec![bad.clone()], dir.path());
        assert!(result.unwrap_err().to_string().contains("checksum"));
        assert!(!target.exists() && !target.with_extension("part").exists());
        fetch(vec![bad, good], dir.path()).0.unwrap();
    }

    #[test]
    fn a_server_without_an_end_is_given_up_and_a_planted_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let endless = "x".repeat(100_000);
        let (url, _a) = serve(vec![answer("200 OK", 1 << 40, &endless)], false);
        let (result, target) = fetch(vec![url], dir.path());
        assert!(result.unwrap_err().to_string().contains("more than the 1000 bytes"));
        assert!(!target.with_extension("part").exists());
        #[cfg(unix)]
        {
            let kept = dir.path().join("kept");
            std::fs::write(&kept, "").unwrap();
            std::os::unix::fs::symlink(&kept, target.with_extension("part")).unwrap();
            let (url, _b) = serve(vec![answer("200 OK", 10, "0123456789")], false);
            fetch(vec![url], dir.path()).0.unwrap();
            assert_eq!(std::fs::read(&kept).unwrap(), b"");
        }
    }

    #[test]
    fn not_found_and_stalled_servers_are_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let (url, _a) = serve(vec![answer("404 Not Found", 0, "")], false);
        assert!(fetch(vec![url], dir.path()).0.unwrap_err().to_string().contains("404"));
        let (url, _b) = serve(vec![answer("200 OK", 10, "01")], true);
        let begun = std::time::Instant::now();
        assert!(fetch(vec![url], dir.path()).0.is_err());
        assert!(begun.elapsed() < Duration::from_millis(1900), "waited for a stalled server");
    }
}
