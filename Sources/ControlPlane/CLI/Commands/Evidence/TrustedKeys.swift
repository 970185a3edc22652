import Foundation
import GatewayModel

/// Keys that are trusted whatever the control plane says.
struct TrustedKeys: Sendable, Equatable {
  var keys: [AgentID: [UInt8]] = [:]

  init() {}

  /// Reads lines of an agent's id and its key in base64; empty ones and those with `#` are passed
  /// over. Fails when there is no key.
  init(text: String, source: String) throws(CLIFailure) {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let parts = line.split(whereSeparator: \.isWhitespace)
      guard let first = parts.first, !first.hasPrefix("#") else { continue }
      guard parts.count >= 2, let id = Identifier128(text: String(first)),
        let key = Data(base64Encoded: String(parts[1])), key.count == 32
      else {
        throw CLIFailure(
          .failed, "line \(index + 1) of \(source) is no agent's id and key",
          remedy: "write the id and the key in base64, with a space between them")
      }
      keys[AgentID(id)] = Array(key)
    }
    // Without any, every key that the control plane says would be taken.
    guard !keys.isEmpty else {
      throw CLIFailure(
        .failed, "\(source) holds no trusted key",
        remedy: "write a line for each agent: its id and its key in base64")
    }
  }

  init(file: String) throws {
    let text = try InputFile.read(file, purpose: "the trusted keys", atMost: 16 << 20)
    try self.init(text: text, source: "\"\(file)\"")
  }
}
