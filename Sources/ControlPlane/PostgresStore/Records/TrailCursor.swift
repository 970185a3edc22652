internal import ControlCore
import Foundation
internal import GatewayModel

/// Where a page of the trail ended; its text form is opaque to those who carry it.
///
/// Text forms, in base64 for URLs: `n/<microseconds>/<agent>/<epoch>/<lane>/<seq>` for pages that
/// begin with the newest, `o/<position>/<ordinal>` for those in the order of settling, and
/// `s/<microseconds>/<session>/<agent>` for sessions; `t/<statement>/<epoch>/<lane>/<seq>` for the
/// statements of a session. Times are microseconds since 1970.
enum TrailCursor: Equatable {
  case newest(at: WallTime, log: LogID, seq: UInt64)
  case oldest(position: Int64, ordinal: Int64)
  case sessions(at: WallTime, id: Identifier128, agent: AgentID)
  case session(statement: Int64, epoch: UInt64, lane: UInt32, seq: UInt64)

  var text: String {
    let plain =
      switch self {
      case .newest(let at, let log, let seq): "n/\(Self.microseconds(at))/\(log)/\(seq)"
      case .oldest(let position, let ordinal): "o/\(position)/\(ordinal)"
      case .sessions(let at, let id, let agent): "s/\(Self.microseconds(at))/\(id)/\(agent)"
      case .session(let statement, let epoch, let lane, let seq):
        "t/\(statement)/\(epoch)/\(lane)/\(seq)"
      }
    return Data(plain.utf8).base64EncodedString().map { character in
      switch character {
      case "+": "-"
      case "/": "_"
      default: "\(character)"
      }
    }.joined().trimmingCharacters(in: ["="])
  }

  /// - Throws: `invalid` for a text that no answer has given.
  init(text: String) throws(ControlError) {
    var base64 = text.map { character in
      switch character {
      case "-": "+"
      case "_": "/"
      default: "\(character)"
      }
    }.joined()
    base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
    let plain = Data(base64Encoded: base64).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let parts = plain.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    switch (parts.first, parts.count) {
    case ("n", 6):
      if let at = Self.time(parts[1]), let agent = Identifier128(text: parts[2]),
        let epoch = UInt64(parts[3]), let lane = UInt32(parts[4]), let seq = UInt64(parts[5])
      {
        self = .newest(
          at: at, log: LogID(agent: AgentID(agent), epoch: epoch, lane: lane), seq: seq)
        return
      }
    case ("o", 3):
      if let position = Int64(parts[1]), let ordinal = Int64(parts[2]) {
        self = .oldest(position: position, ordinal: ordinal)
        return
      }
    case ("s", 4):
      if let at = Self.time(parts[1]), let id = Identifier128(text: parts[2]),
        let agent = Identifier128(text: parts[3])
      {
        self = .sessions(at: at, id: id, agent: AgentID(agent))
        return
      }
    case ("t", 5):
      if let statement = Int64(parts[1]), let epoch = UInt64(parts[2]),
        let lane = UInt32(parts[3]), let seq = UInt64(parts[4])
      {
        self = .session(statement: statement, epoch: epoch, lane: lane, seq: seq)
        return
      }
    default: break
    }
    throw Self.unusable(text)
  }

  static func unusable(_ text: String) -> ControlError {
    ControlError(
      .invalid, "The cursor \"\(text.prefix(100))\" is not one for this question.",
      remedy: "Use the nextCursor of an earlier answer to the same question, or leave it out.")
  }

  private static func microseconds(_ time: WallTime) -> Int64 { time.unixNanoseconds / 1000 }

  private static func time(_ text: String) -> WallTime? {
    guard let microseconds = Int64(text) else { return nil }
    let (nanoseconds, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
    return overflow ? nil : WallTime(unixNanoseconds: nanoseconds)
  }
}
