internal import GatewayModel
import NIOCore
internal import PolicyEngine
import SessionCore
internal import StatementAnalysis

/// What a session's texts are judged by: the policy in force on its event loop, as far as it concerns
/// the session. Before its login is granted nothing passes.
///
/// A new bundle is noticed at the next statement, so that putting one in force does not hold up the
/// loop for all of its sessions.
///
/// SAFETY: every stored property that changes is read and written on the lane's event loop only.
final class SessionJudge: StatementJudge, @unchecked Sendable {
  private unowned let lane: SessionLane
  private var entered: EnteredSession?

  init(lane: SessionLane) { self.lane = lane }

  /// The bundle that the last statement was judged by.
  var bundle: BundleName { entered?.bundle ?? BundleName() }

  /// The login was granted.
  func enter(_ session: EnteredSession) { entered = session }

  /// Whether the session may go on under the policy in force; takes it when it is another.
  func renew() -> Bool {
    guard let session = entered, let snapshot = lane.policy else { return false }
    if session.snapshot !== snapshot { session.take(snapshot, at: lane.wallTime) }
    return session.isAllowed
  }

  func facts(of text: ByteBuffer) -> StatementFacts {
    text.withUnsafeReadableBytes { StatementAnalysis.facts(of: $0) }
  }

  func judge(_ facts: StatementFacts) -> StatementJudgement {
    guard renew(), let session = entered else {
      return StatementJudgement(.refuse(.notGranted))
    }
    // The clock is asked only where a decision depends on it.
    let time = session.policy.isTimeless ? WallTime(unixNanoseconds: 0) : lane.wallTime
    return StatementJudgement(session.policy.decide(facts, at: time), of: session.bundle)
  }
}

/// A bundle by what records name it with.
struct BundleName {
  /// 0 for none.
  var version: UInt64 = 0
  /// SHA-256 of the payload.
  var hash: [UInt8] = []
}

/// A session that was let in, and what of the policy concerns it. A class, so that a judgement copies
/// nothing.
final class EnteredSession {
  /// As at the login, with the role that was granted.
  private var request: EntryRequest
  private let connectionID: Identifier128
  private let role: String
  private(set) var snapshot: PolicySnapshot
  private(set) var policy: SessionPolicy
  /// What it was given at its login.
  private let bounds: LoginBounds
  /// Whether the policy in force still lets it in.
  private(set) var isAllowed = true

  init(
    _ request: EntryRequest, connection: Connection, role: String, snapshot: PolicySnapshot
  ) {
    self.request = request
    self.request.requestedRole = role
    connectionID = connection.id
    self.role = role
    self.snapshot = snapshot
    policy = snapshot.policies.session(self.request, role: role)
    bounds = LoginBounds(policy, connection)
  }

  var bundle: BundleName { BundleName(version: snapshot.version, hash: snapshot.hash) }

  func take(_ snapshot: PolicySnapshot, at time: WallTime) {
    self.snapshot = snapshot
    guard let connection = snapshot.connection(named: request.connection),
      connection.id == connectionID
    else {
      isAllowed = false
      return
    }
    request.labels = connection.labels
    var now = request
    now.at = time
    policy = snapshot.policies.session(now, role: role)
    guard case .allow(_, _, role) = snapshot.policies.entry(now) else {
      isAllowed = false
      return
    }
    // As of the login: that another grant is open by now makes nothing narrower.
    isAllowed = bounds.isWithin(
      LoginBounds(snapshot.policies.session(request, role: role), connection))
  }
}

/// For the agent's own question over a server leg under test.
struct OwnStatements: StatementJudge {
  func facts(of text: ByteBuffer) -> StatementFacts { StatementFacts() }
  func judge(_ facts: StatementFacts) -> StatementJudgement { StatementJudgement(.allow) }
}
