import SessionCore

/// What a leg may not send before records are on the medium, oldest first.
///
/// Empty in a crash-safe session. Bounded by who fills it: the other leg is read no further while
/// this one holds too much (``isFull``).
struct HeldBytes {
  private struct Part {
    /// Everything below has to be on the medium.
    var seq: UInt64
    var slices = ByteSlices()
  }

  /// From so many bytes on no more are to come.
  static let maximumBytes = 256 << 10

  private var parts: [Part] = []
  private var bytes = 0

  /// Nothing waits, also nothing that is to come.
  var isEmpty: Bool { parts.isEmpty }
  var isFull: Bool { bytes >= Self.maximumBytes }
  /// Whether there are bytes that wait.
  var hasBytes: Bool { bytes > 0 }
  /// What the newest part waits for; 0 when nothing waits.
  var lastSeq: UInt64 { parts.last?.seq ?? 0 }

  /// What is appended from now on waits for everything below `seq`.
  mutating func hold(until seq: UInt64) {
    if let last = parts.indices.last, parts[last].slices.isEmpty {
      parts[last].seq = max(parts[last].seq, seq)
    } else {
      parts.append(Part(seq: seq))
    }
  }

  /// Adds to what waits, which must not be empty.
  mutating func append(_ slices: ByteSlices) {
    guard let last = parts.indices.last else { return }
    bytes += slices.readableBytes
    parts[last].slices.append(contentsOf: slices)
  }

  /// Takes out what waits no longer, as everything below `synced` is on the medium.
  mutating func release(below synced: UInt64) -> ByteSlices {
    // An older part never waits for more than a newer one.
    let count = parts.prefix { $0.seq <= synced }.count
    var released = ByteSlices()
    for part in parts[..<count] { released.append(contentsOf: part.slices) }
    parts.removeFirst(count)
    bytes -= released.readableBytes
    return released
  }
}
