import Foundation
import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// The properties of the session core, on seeded random sessions.
///
/// `SALLYPORT_WALK_EVENTS` sets how many events a run takes, `SALLYPORT_WALK_SEED` the first seed;
/// a failure names its seed.
@Suite struct RandomWalkTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let events = environment["SALLYPORT_WALK_EVENTS"].flatMap { Int($0) } ?? 20_000
  private static let firstSeed = environment["SALLYPORT_WALK_SEED"].flatMap { UInt64($0) } ?? 1
  private static let eventsOfAWalk = 250

  /// Made once: every test looks at the same sessions.
  private static let walks: [RandomWalk] = {
    var walks: [RandomWalk] = []
    var done = 0
    while done < events {
      let walk = RandomWalk(seed: firstSeed &+ UInt64(walks.count), events: eventsOfAWalk)
      walks.append(walk)
      done += walk.steps.count
    }
    return walks
  }()

  private func eachWalk(_ check: (RandomWalk) -> Void) {
    for walk in Self.walks { check(walk) }
  }

  /// `#expect` takes its operands apart, which costs too much for what is checked so often.
  private func check(
    _ holds: Bool, _ text: @autoclosure () -> String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard !holds else { return }
    Issue.record(Comment(rawValue: text()), sourceLocation: sourceLocation)
  }

  @Test func everyBeginHasOneEndAndLegsCloseOnce() {
    var statements = 0
    eachWalk { walk in
      let seed = walk.seed
      var open: Set<StatementID> = []
      var last: UInt64 = 0
      var closes = 0
      for event in walk.effects.flatMap(\.audit) {
        check(closes == 0, "seed \(seed): a record after session.close")
        switch event {
        case .statementBegin(let begin):
          check(begin.statement.rawValue == last + 1, "seed \(seed): a gap in statements")
          last = begin.statement.rawValue
          #expect(open.insert(begin.statement).inserted)
        case .statementEnd(let end):
          check(
            open.remove(end.statement) != nil, "seed \(seed): an end of \(end.statement) not open")
        case .sessionClose: closes += 1
        case .sessionOpen, .refusal: break
        }
      }
      statements += Int(last)
      check(open.isEmpty, "seed \(seed): no end for \(open)")
      check(closes == 1, "seed \(seed): \(closes) session.close")
      check(walk.core.isClosed, "seed \(seed)")
      check(walk.effects.count { $0.server.close } <= 1, "seed \(seed)")
      check(walk.effects.count { $0.client.close } <= 1, "seed \(seed)")
      check(walk.core.bufferedBytes == 0, "seed \(seed): bytes kept after the end")
    }
    #expect(statements > Self.events / 10)
  }

  /// No execution reaches the server without a begin in the same effects or before.
  @Test func recordedBeforeForwarded() {
    eachWalk { walk in
      var begins = 0
      var granted = false
      var stream = MessageStream()
      var forwarded = 0
      for (step, effects) in zip(walk.steps, walk.effects) {
        if case .loginVerdict = step.event { granted = true }
        if !granted { check(effects.server.isEmpty, "seed \(walk.seed): before the verdict") }
        for event in effects.audit {
          if case .statementBegin = event { begins += 1 }
        }
        if case .serverConnected = step.event { continue }
        stream.append(effects.server.send.joined)
        forwarded += stream.types().count { $0 == "Q" || $0 == "E" || $0 == "F" }
        check(forwarded <= begins, "seed \(walk.seed): \(forwarded) forwarded, \(begins) begun")
      }
    }
  }

  /// What the records say ran is what the server ran, in order, with the same outcomes.
  @Test func recordsAgreeWithTheServer() {
    var compared = 0
    eachWalk { walk in
      var texts: [StatementID: String] = [:]
      var recorded: [ModelServer.Ran] = []
      var known = true
      for event in walk.effects.flatMap(\.audit) {
        switch event {
        case .statementBegin(let begin): texts[begin.statement] = String(buffer: begin.text)
        case .statementEnd(let end):
          if end.outcome == .unknown { known = false }
          guard end.wasExecuted, end.outcome != .skipped, end.outcome != .refused,
            end.outcome != .unknown
          else { continue }
          recorded.append(.init(text: texts[end.statement], outcome: end.outcome))
        default: break
        }
      }
      let ran = walk.server.ran.filter { $0.text?.hasPrefix("DO $") != true }
      check(
        recorded.count <= ran.count && (!known || recorded.count == ran.count),
        "seed \(walk.seed): \(recorded.count) recorded, \(ran.count) ran")
      for (index, (record, truth)) in zip(recorded, ran).enumerated() {
        compared += 1
        check(
          record.outcome == truth.outcome && (truth.text == nil || record.text == truth.text),
          "seed \(walk.seed), execution \(index): \(record) recorded, \(truth) ran")
      }
    }
    #expect(compared > Self.events / 20)
  }

  /// The client sees what the server said, byte for byte, but for the errors that were provoked.
  @Test func clientCannotTell() {
    var provoked = 0
    var givenUp = 0
    eachWalk { walk in
      var said = MessageStream()
      var seen = MessageStream()
      for (step, effects) in zip(walk.steps, walk.effects).dropFirst(6) {
        if case .serverBytes(let bytes) = step.event { said.append(bytes) }
        seen.append(effects.client.send.joined)
      }
      var shown = 0
      while let server = said.next(), let client = seen.next() {
        shown += 1
        if client.type == "E", String(buffer: client.body).contains("sequence during COPY") {
          givenUp += 1
          break
        }
        let isProvoked = String(buffer: server.body).contains("sallyport:")
        if isProvoked { provoked += 1 }
        check(
          client.type == server.type && (isProvoked || client.body == server.body),
          "seed \(walk.seed): message \(shown) is \(client), \(server) was sent")
        check(
          !String(buffer: client.body).contains("sallyport:"), "seed \(walk.seed): token shown")
      }
      check(shown > 0, "seed \(walk.seed): nothing was shown")
    }
    #expect(provoked > 0)
    // What cannot be followed ends few sessions, or the others are not long enough to tell.
    #expect(givenUp < Self.walks.count / 2, "\(givenUp) of \(Self.walks.count)")
  }

  @Test func nothingFlowsAfterTheEnd() {
    eachWalk { walk in
      var ended = false
      for (step, effects) in zip(walk.steps, walk.effects) {
        if ended { check(effects.isEmpty, "seed \(walk.seed)") }
        if case .terminate = step.event {
          #expect(
            ["", "X"].contains(types(effects.server.send.joined)), "seed \(walk.seed)")
          ended = true
        }
      }
    }
  }

  @Test func memoryIsBounded() {
    eachWalk { walk in
      let limits = RandomWalk.limits
      // A message, an error's beginning, what is retained, a chunk under way, the queue.
      let bound =
        limits.maximumStatementBytes + limits.maximumInspectedServerBytes
        + limits.maximumRetainedBytes + 8_000
        + (limits.maximumPendingReplies + 1) * MemoryLayout<ReplyQueue.Entry>.stride
      check(walk.largestBuffer <= bound, "seed \(walk.seed): \(walk.largestBuffer) bytes held")
    }
  }

  @Test func replayGivesTheSameEffects() {
    eachWalk { walk in
      var core = RandomWalk.newCore()
      for (step, effects) in zip(walk.steps, walk.effects) {
        check(core.handle(step.event, at: step.now) == effects, "seed \(walk.seed)")
      }
    }
  }

  @Test func rechunkingChangesNothing() {
    eachWalk { walk in
      var random = SeededRandom(seed: walk.seed &+ 77)
      var core = RandomWalk.newCore()
      for (index, (step, effects)) in zip(walk.steps, walk.effects).enumerated() {
        let again = Self.handle(step, in: &core, &random)
        check(
          again.audit.map(Self.uncounted) == effects.audit.map(Self.uncounted),
          "seed \(walk.seed), event \(index)")
        check(again.server.send == effects.server.send, "seed \(walk.seed), event \(index)")
        check(again.client.send == effects.client.send, "seed \(walk.seed), event \(index)")
        check(again.server.close == effects.server.close, "seed \(walk.seed), event \(index)")
        check(again.client.close == effects.client.close, "seed \(walk.seed), event \(index)")
      }
    }
  }

  /// Bytes taken are those of whole chunks, also of the one whose beginning ended the session.
  private static func uncounted(_ event: AuditEvent) -> AuditEvent {
    guard case .sessionClose(var close) = event else { return event }
    close.clientBytes = 0
    close.serverBytes = 0
    return .sessionClose(close)
  }

  private static func handle(
    _ step: RandomWalk.Step, in core: inout SessionCore, _ random: inout SeededRandom
  ) -> Effects {
    var whole = Effects()
    func add(_ effects: Effects) {
      whole.audit += effects.audit
      whole.server.send.append(contentsOf: effects.server.send)
      whole.client.send.append(contentsOf: effects.client.send)
      if effects.server.close { whole.server.close = true }
      if effects.client.close { whole.client.close = true }
    }
    func split(_ bytes: ByteBuffer, _ event: (ByteBuffer) -> Event) {
      var bytes = bytes
      let largest = random.chance(0.1) ? 1 : Int.random(in: 1...50, using: &random)
      while bytes.readableBytes > 0 {
        let count = Int.random(in: 1...min(largest, bytes.readableBytes), using: &random)
        guard let part = bytes.readSlice(length: count) else { return }
        add(core.handle(event(part), at: step.now))
      }
    }
    switch step.event {
    case .clientBytes(let bytes): split(bytes) { .clientBytes($0) }
    case .serverBytes(let bytes): split(bytes) { .serverBytes($0) }
    default: add(core.handle(step.event, at: step.now))
    }
    return whole
  }

  /// Bytes that are no messages, or nearly none, on both legs and at every phase.
  @Test func garbageNeverTraps() {
    var random = SeededRandom(seed: Self.firstSeed)
    let frontend = Array("QPBEDCSHdcfXFp".utf8)
    let backend = Array("RKZCEDTt123nsIGHdcNASVWv".utf8)
    for _ in 0..<Self.events / 20 {
      var session = random.chance(0.7) ? SessionHarness.ready() : SessionHarness.authenticating()
      for _ in 0..<10 {
        let isClient = random.chance(0.5)
        let bytes = Self.garbage(isClient ? frontend : backend, &random)
        session.send(isClient ? .clientBytes(bytes) : .serverBytes(bytes))
      }
      session.send(.clientClosed)
      session.send(.timerFired(.drain))
      session.send(.serverClosed)
      #expect(session.core.isClosed)
      #expect(session.begins.count == session.ends.count)
    }
  }

  private static func garbage(_ types: [UInt8], _ random: inout SeededRandom) -> ByteBuffer {
    var bytes = ByteBuffer()
    let length = Int.random(in: 0..<40, using: &random)
    if random.chance(0.8) {
      bytes.writeInteger(random.pick(types))
      let lie = random.chance(0.1) ? UInt32.random(in: 0...UInt32.max, using: &random) : 0
      bytes.writeInteger(lie == 0 ? UInt32(length + 4) : lie)
    }
    for _ in 0..<length {
      bytes.writeInteger(random.chance(0.4) ? 0 : UInt8.random(in: 0...255, using: &random))
    }
    return bytes
  }
}
