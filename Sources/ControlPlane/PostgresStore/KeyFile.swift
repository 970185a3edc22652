package import ControlCore
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The file with the key under which the control plane's keys are sealed in the database: 32
/// random bytes in base64, readable by its owner only.
package struct KeyFile: WrappingKeySource {
  package let path: String
  package var name: String { path }

  package init(path: String) { self.path = path }

  package func read() async throws(ControlError) -> [UInt8]? {
    var information = stat()
    guard stat(path, &information) == 0 else {
      let reason = errno
      if reason == ENOENT { return nil }
      throw failure("reading", reason)
    }
    guard information.st_mode & 0o077 == 0 else {
      throw ControlError(
        .invalid, "The key file \"\(path)\" can be read by others than its owner.",
        remedy: "Run `chmod 600` on it, and see who may have copied it.")
    }
    guard let text = FileManager.default.contents(atPath: path), text.count <= 256,
      let key = Data(
        base64Encoded: String(decoding: text, as: UTF8.self)
          .trimmingCharacters(in: .whitespacesAndNewlines)),
      key.count == 32
    else {
      throw ControlError(
        .invalid, "The key file \"\(path)\" is not 32 bytes in base64.",
        remedy: "Restore the file that was made at the first start.")
    }
    return Array(key)
  }

  package func create(_ key: [UInt8]) async throws(ControlError) {
    // O_EXCL: a file that is there already is never overwritten, also not in a race of replicas.
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("creating", errno) }
    let text = Array((Data(key).base64EncodedString() + "\n").utf8)
    let written = text.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    let reason = errno
    let synced = fsync(descriptor)
    guard Glibc.close(descriptor) == 0, written == text.count, synced == 0 else {
      unlink(path)
      throw failure("writing", reason)
    }
  }

  private func failure(_ act: String, _ reason: Int32) -> ControlError {
    ControlError(
      .invalid,
      "\(act.prefix(1).uppercased())\(act.dropFirst()) the key file \"\(path)\" failed: "
        + "\(String(cString: strerror(reason))).",
      remedy: "Name a file in a folder that this user may write to with --key-file.")
  }
}
