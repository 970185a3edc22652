import AgentLink
import AuditLog
import GatewayModel
import RecordLog
import Testing

@testable import ControlLink

/// What an agent does after each answer of the control plane.
@Suite struct ShippingStepTests {
  private static let log = LogID(
    agent: AgentID(Identifier128(high: 1, low: 1)), epoch: 7, lane: 0)
  private static let own = MerkleTree.leaf([1])
  private static let other = MerkleTree.leaf([2])

  private static func answer(
    _ status: Sallyport_Link_V1_ShipResponse.Status, next: UInt64 = 0
  ) -> Sallyport_Link_V1_ShipResponse {
    .with {
      $0.status = status
      $0.nextSeq = next
    }
  }

  private static func stored(_ size: UInt64, _ root: Hash256) -> Checkpoint {
    Checkpoint(log: log, size: size, root: root)
  }

  /// After a batch of 100 to 199 of a log that has 50 to 300.
  private func step(
    _ answer: Sallyport_Link_V1_ShipResponse, stored: Checkpoint? = nil
  ) -> ShippingStep {
    ShippingStep(
      after: answer, to: 100..<200, held: 50...300, stored: stored, rootHere: { _ in Self.own })
  }

  private func asked(
    _ answer: Sallyport_Link_V1_ShipResponse, stored: Checkpoint? = nil,
    rootHere: Hash256? = own
  ) -> ShippingStep {
    ShippingStep(
      afterAsking: answer, held: 50...300, stored: stored, rootHere: { _ in rootHere })
  }

  @Test func storedGoesOnBehindTheBatch() {
    #expect(step(Self.answer(.stored, next: 200)) == .goOn(from: 200))
    guard case .stuck(let problem) = step(Self.answer(.stored, next: 201)) else {
      Issue.record("another place is taken for granted")
      return
    }
    #expect(problem.contains("201"))
  }

  @Test func aKnownPlaceIsGoneOnAt() {
    #expect(step(Self.answer(.wrongCursor, next: 150)) == .resume(at: 150))
    #expect(
      step(Self.answer(.wrongCursor, next: 150), stored: Self.stored(150, Self.own))
        == .resume(at: 150))
    #expect(asked(Self.answer(.wrongCursor, next: 50)) == .resume(at: 50))
    #expect(
      asked(Self.answer(.wrongCursor, next: 300), stored: Self.stored(300, Self.own))
        == .resume(at: 300))
  }

  @Test func anotherHistoryBeginsAnEpoch() {
    let head = Self.stored(150, Self.other)
    #expect(
      asked(Self.answer(.wrongCursor, next: 150), stored: head)
        == .beginEpoch(citing: LogHead(size: 150, root: Self.other)))
    // More than there is here.
    let longer = Self.stored(301, Self.own)
    #expect(
      asked(Self.answer(.wrongCursor, next: 301), stored: longer)
        == .beginEpoch(citing: LogHead(size: 301, root: Self.own)))
    #expect(
      step(Self.answer(.wrongCursor, next: 301), stored: longer)
        == .beginEpoch(citing: LogHead(size: 301, root: Self.own)))
  }

  /// Without its own signature an agent gives no history up.
  @Test func whatIsNotSignedMovesNobody() {
    for stored in [nil, Self.stored(299, Self.other)] {
      guard
        case .stuck = asked(Self.answer(.wrongCursor, next: 301), stored: stored)
      else {
        Issue.record("a history that was not signed is believed")
        return
      }
    }
    // A root that cannot be told here is no reason either.
    #expect(
      asked(
        Self.answer(.wrongCursor, next: 150), stored: Self.stored(150, Self.other), rootHere: nil)
        == .resume(at: 150))
  }

  @Test func whatIsGoneHereCannotBeSent() {
    guard case .stuck(let problem) = asked(Self.answer(.wrongCursor, next: 49)) else {
      Issue.record("records that are gone are promised")
      return
    }
    #expect(problem.contains("49") && problem.contains("50"))
  }

  @Test func theOtherAnswers() {
    #expect(
      step(.with { ($0.status, $0.retryAfterMilliseconds) = (.retryLater, 0) })
        == .wait(.milliseconds(10)))
    #expect(
      asked(.with { ($0.status, $0.retryAfterMilliseconds) = (.retryLater, .max) })
        == .wait(.milliseconds(60_000)))
    for answer in [
      Self.answer(.quarantined), Self.answer(.unspecified), Self.answer(.UNRECOGNIZED(77)),
    ] {
      guard case .stuck = step(answer), case .stuck = asked(answer) else {
        Issue.record("\(answer.status) is gone on after")
        return
      }
    }
    guard case .stuck = asked(Self.answer(.stored, next: 100)),
      case .stuck = step(Self.answer(.wrongCursor, next: 100))
    else {
      Issue.record("an answer that makes no sense is believed")
      return
    }
  }
}
