import Foundation
import Synchronization

@testable import RecordLog

/// The operating system's files with faults put before them, and a memory of what is on the medium,
/// so that a power cut can be played.
final class FaultyFiles: FileAccess {
  struct Faults {
    /// Fails writes with this error, after as many of their bytes as given.
    var write: (errorNumber: Int32, afterBytes: Int)?
    /// Fails writes to these files only; empty for all.
    var writeTo: Set<String> = []
    /// Takes no more than this of a single write; the caller must go on.
    var largestWrite: Int?
    var sync: Int32?
    /// Called in the middle of a sync.
    var duringSync: (@Sendable () -> Void)?
    var truncate: Int32?
    /// How many more files can be removed; `nil` for any number.
    var removals: Int?
    var allocate: Int32?
    /// Bytes left on the disk; writes beyond fail with ENOSPC after what fits. The reserve takes
    /// from it and gives back to it.
    var room: Int64?
    var boot = "boot-1"
    var writes = 0
    var syncs = 0
    /// What a power cut leaves: of each path, the bytes at its last sync; absent when its name is
    /// not on the medium.
    var medium: [String: Data] = [:]
    /// Bytes of files whose names are not synced yet.
    var unnamed: [String: Data] = [:]
    var reserved: Int64 = 0

    func fails(_ path: String) -> Bool {
      writeTo.isEmpty || writeTo.contains { path.hasSuffix("/\($0)") }
    }
  }

  private let posix = PosixFiles()
  private let faults = Mutex(Faults())

  func set(_ change: (inout Faults) -> Void) { faults.withLock { change(&$0) } }
  var writes: Int { faults.withLock { $0.writes } }
  var syncs: Int { faults.withLock { $0.syncs } }

  /// Puts the folder into the state that the medium has.
  func cutPower(_ folder: TestFolder) throws {
    let medium = faults.withLock { $0.medium }
    for name in try posix.list(folder.path) {
      try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
    }
    for (path, bytes) in medium { try bytes.write(to: URL(fileURLWithPath: path)) }
    faults.withLock {
      $0.boot += "+"
      $0.unnamed = [:]
    }
  }

  func makeFolder(_ path: String) throws(FileFailure) { try posix.makeFolder(path) }
  func list(_ folder: String) throws(FileFailure) -> [String] { try posix.list(folder) }
  func open(_ path: String, _ purpose: FilePurpose) throws(FileFailure) -> Int32 {
    try posix.open(path, purpose)
  }
  func close(_ descriptor: Int32) { posix.close(descriptor) }

  func write(
    _ descriptor: Int32, _ path: String, _ bytes: UnsafeRawBufferPointer, at offset: Int64
  ) throws(FileFailure) -> Int {
    let (count, failure) = faults.withLock { faults -> (Int, FileFailure?) in
      faults.writes += 1
      if let fault = faults.write, faults.fails(path) {
        return (
          min(bytes.count, fault.afterBytes),
          FileFailure(call: "write", path: path, errorNumber: fault.errorNumber)
        )
      }
      let count = min(bytes.count, faults.largestWrite ?? .max)
      guard let room = faults.room else { return (count, nil) }
      let fitting = Int(min(Int64(count), room))
      faults.room = room - Int64(fitting)
      if fitting == 0 {
        return (0, FileFailure(call: "write", path: path, errorNumber: ENOSPC))
      }
      return (fitting, nil)
    }
    if count > 0 {
      _ = try posix.write(
        descriptor, path, UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
    }
    if let failure { throw failure }
    return count
  }

  func read(
    _ descriptor: Int32, _ path: String, into buffer: UnsafeMutableRawBufferPointer,
    at offset: Int64
  ) throws(FileFailure) -> Int {
    try posix.read(descriptor, path, into: buffer, at: offset)
  }

  func size(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Int64 {
    try posix.size(descriptor, path)
  }

  func truncate(_ descriptor: Int32, _ path: String, to size: Int64) throws(FileFailure) {
    if let error = faults.withLock({ $0.truncate }) {
      throw FileFailure(call: "ftruncate", path: path, errorNumber: error)
    }
    try posix.truncate(descriptor, path, to: size)
  }

  func synchronize(_ descriptor: Int32, _ path: String) throws(FileFailure) {
    let (error, duringSync) = faults.withLock { faults in
      faults.syncs += 1
      return (faults.sync, faults.duringSync)
    }
    duringSync?()
    if let error { throw FileFailure(call: "fdatasync", path: path, errorNumber: error) }
    let bytes = FileManager.default.contents(atPath: path) ?? Data()
    faults.withLock { faults in
      if faults.medium[path] != nil {
        faults.medium[path] = bytes
      } else {
        faults.unnamed[path] = bytes
      }
    }
  }

  func synchronizeFolder(_ path: String) throws(FileFailure) {
    let names = try posix.list(path)
    faults.withLock { faults in
      // A name can be on the medium before any of its bytes.
      for name in names {
        let file = "\(path)/\(name)"
        if faults.medium[file] == nil { faults.medium[file] = faults.unnamed[file] ?? Data() }
      }
      faults.unnamed = [:]
      faults.medium = faults.medium.filter { file, _ in
        names.contains { file == "\(path)/\($0)" }
      }
    }
  }

  func allocate(_ descriptor: Int32, _ path: String, bytes: Int64) throws(FileFailure) {
    let error = faults.withLock { faults -> Int32? in
      if let error = faults.allocate { return error }
      guard let room = faults.room else { return nil }
      if room < bytes { return ENOSPC }
      faults.room = room - bytes
      faults.reserved = bytes
      return nil
    }
    if let error { throw FileFailure(call: "posix_fallocate", path: path, errorNumber: error) }
    try posix.allocate(descriptor, path, bytes: bytes)
  }

  func remove(_ path: String) throws(FileFailure) {
    let isRefused = faults.withLock { faults in
      guard let left = faults.removals else { return false }
      faults.removals = max(0, left - 1)
      return left <= 0
    }
    if isRefused { throw FileFailure(call: "unlink", path: path, errorNumber: EIO) }
    let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int64) ?? nil
    try posix.remove(path)
    faults.withLock { faults in
      guard let room = faults.room, let size else { return }
      faults.room = room + size
    }
  }

  func lock(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Bool {
    try posix.lock(descriptor, path)
  }

  func freeBytes(_ folder: String) throws(FileFailure) -> Int64 {
    if let room = faults.withLock({ $0.room }) { return room }
    return try posix.freeBytes(folder)
  }

  func bootIdentifier() -> String { faults.withLock { $0.boot } }
}

/// The same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    // SplitMix64.
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
