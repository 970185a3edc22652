import GatewayModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The head of a log: what it is, how many records it has, and the hash of them all.
///
/// Text form (C2SP tlog-checkpoint, without extension lines), each line closed by a line feed:
/// ```
/// sallyport/<agent>/<epoch>/<lane>
/// <size in decimal, without leading zeros>
/// <root in base64>
/// ```
package struct Checkpoint: Hashable, Sendable {
  package var log: LogID
  package var size: UInt64
  package var root: Hash256

  package init(log: LogID, size: UInt64, root: Hash256) {
    self.log = log
    self.size = size
    self.root = root
  }

  package init(log: LogID, of frontier: MerkleFrontier) {
    self.init(log: log, size: frontier.size, root: frontier.root)
  }

  /// Names the log to everyone who sees a checkpoint.
  package static func origin(of log: LogID) -> String { "sallyport/\(log)" }

  package var text: String {
    """
    \(Self.origin(of: log))
    \(size)
    \(Data(root.bytes).base64EncodedString())

    """
  }

  /// Reads the text form; `nil` for any other text, also one that says the same otherwise.
  package init?(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 4, lines[3].isEmpty, let log = Self.log(origin: lines[0]),
      let size = UInt64(lines[1]), size <= MerkleTree.maximumSize,
      let root = Data(base64Encoded: String(lines[2])).flatMap({ Hash256(bytes: $0) })
    else { return nil }
    self.init(log: log, size: size, root: root)
    guard self.text == text else { return nil }
  }

  private static func log(origin: Substring) -> LogID? {
    guard origin.hasPrefix("sallyport/") else { return nil }
    return LogID(text: origin.dropFirst("sallyport/".count))
  }
}
