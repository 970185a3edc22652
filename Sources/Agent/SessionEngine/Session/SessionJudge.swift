internal import GatewayModel
import NIOCore
import SessionCore
internal import StatementAnalysis

/// What a session's texts are judged by: nothing passes before its login is granted.
///
/// SAFETY: ``decide`` is read and written on the session's event loop only.
final class SessionJudge: StatementJudge, @unchecked Sendable {
  /// The bundle that is judged by.
  var bundle = BundleName()
  var decide: ((StatementFacts) -> StatementJudgement)?

  func facts(of text: ByteBuffer) -> StatementFacts { StatementFacts() }

  func judge(_ facts: StatementFacts) -> StatementJudgement {
    decide?(facts) ?? StatementJudgement(.refuse(Self.notYet))
  }

  private static let notYet = StatementRefusal(
    reason: .noBundle, sqlstate: "28000", message: "no policy is in force for this session",
    hint: "Connect again.", detail: "")
}

/// A bundle by what records name it with.
struct BundleName {
  /// 0 for none.
  var version: UInt64 = 0
  /// SHA-256 of the payload.
  var hash: [UInt8] = []
}
