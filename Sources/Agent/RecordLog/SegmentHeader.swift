import AuditLog
import GatewayModel

/// The first 4,096 bytes of a segment file.
///
/// Byte layout, numbers little-endian:
/// ```
/// 0     8 bytes   "SPRECLOG"
/// 8     u32       version, 1
/// 12    u32       length of this header, 4096
/// 16    16 bytes  agent, big-endian
/// 32    u64       epoch
/// 40    u32       lane
/// 44    u32       zero
/// 48    u64       seq of the first record
/// 56    u32       1 + the subtrees of the frontier before the first record; 0: not known yet
/// 60    32 bytes  each subtree's root, the largest first
/// …     zero
/// 4092  u32       CRC-32C of bytes 0 ..< 4092
/// ```
struct SegmentHeader: Equatable {
  static let byteCount = 4096
  static let magic = Array("SPRECLOG".utf8)
  static let version: UInt32 = 1

  var log: LogID
  var firstSeq: UInt64
  /// Of the Merkle tree of all records before the first; `nil` until a reader has come so far.
  var frontier: MerkleFrontier?

  var bytes: [UInt8] {
    var bytes = Self.magic
    bytes.reserveCapacity(Self.byteCount)
    append(Self.version, to: &bytes)
    append(UInt32(Self.byteCount), to: &bytes)
    bytes += log.agent.value.bytes
    append(log.epoch, to: &bytes)
    append(log.lane, to: &bytes)
    append(UInt32(0), to: &bytes)
    append(firstSeq, to: &bytes)
    append(UInt32(frontier.map { $0.subtrees.count + 1 } ?? 0), to: &bytes)
    for subtree in frontier?.subtrees ?? [] { bytes += subtree.bytes }
    bytes += [UInt8](repeating: 0, count: Self.byteCount - 4 - bytes.count)
    append(bytes.withUnsafeBytes { CRC32C.checksum($0) }, to: &bytes)
    return bytes
  }

  init(log: LogID, firstSeq: UInt64, frontier: MerkleFrontier? = nil) {
    self.log = log
    self.firstSeq = firstSeq
    self.frontier = frontier
  }

  /// Reads a header; `nil` when the bytes are not one of this version.
  init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.byteCount, bytes.prefix(8).elementsEqual(Self.magic) else {
      return nil
    }
    func number<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
    let content = UnsafeRawBufferPointer(rebasing: bytes[..<(Self.byteCount - 4)])
    guard number(8, as: UInt32.self) == Self.version,
      number(12, as: UInt32.self) == UInt32(Self.byteCount),
      number(Self.byteCount - 4, as: UInt32.self) == CRC32C.checksum(content),
      let agent = Identifier128(bytes: Array(bytes[16..<32]))
    else { return nil }
    log = LogID(
      agent: AgentID(agent), epoch: number(32, as: UInt64.self), lane: number(40, as: UInt32.self))
    firstSeq = number(48, as: UInt64.self)
    frontier = Self.frontier(
      bytes, count: Int(number(56, as: UInt32.self)) - 1, size: firstSeq)
  }

  private static func frontier(
    _ bytes: UnsafeRawBufferPointer, count: Int, size: UInt64
  ) -> MerkleFrontier? {
    guard (0...UInt64.bitWidth).contains(count) else { return nil }
    let subtrees = (0..<count).compactMap { index in
      let start = 60 + index * Hash256.byteCount
      return Hash256(bytes: bytes[start..<start + Hash256.byteCount])
    }
    return MerkleFrontier(size: size, subtrees: subtrees)
  }

  private func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

/// The name of a segment file, `<epoch>-<lane>-<first seq>.log`, the seq with 20 digits so that
/// a listing is in order.
struct SegmentName: Hashable {
  var epoch: UInt64
  var lane: UInt32
  var firstSeq: UInt64

  init(epoch: UInt64, lane: UInt32, firstSeq: UInt64) {
    self.epoch = epoch
    self.lane = lane
    self.firstSeq = firstSeq
  }

  /// Reads a file's name; `nil` when it is not a segment's.
  init?(_ text: String) {
    guard text.hasSuffix(".log") else { return nil }
    let parts = text.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let epoch = UInt64(parts[0]), let lane = UInt32(parts[1]),
      parts[2].utf8.count == 20, let firstSeq = UInt64(parts[2])
    else { return nil }
    self.init(epoch: epoch, lane: lane, firstSeq: firstSeq)
  }

  var text: String {
    let digits = String(firstSeq)
    return "\(epoch)-\(lane)-" + String(repeating: "0", count: 20 - digits.utf8.count) + digits
      + ".log"
  }
}
