import Foundation
import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// SplitMix64: small, seeded, the same everywhere.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func chance(_ part: Double) -> Bool { Double.random(in: 0..<1, using: &self) < part }
  mutating func pick<T>(_ values: [T]) -> T {
    values[Int.random(in: 0..<values.count, using: &self)]
  }
}

/// A client that sends what clients send, valid or not, without waiting for answers.
struct ModelClient {
  private static let texts = [
    "rows 1", "rows 3", "rows 0", "tag SET", "fail", "begin", "commit", "rollback", "copyout 2", "",
    "copyin", "copyin", "copyview",
  ]
  private static let names = ["", "", "s1", "s2"]
  private static let portals = ["", "", "p1", "p2"]
  private static let long = String(repeating: "x", count: 600)

  /// One or a few messages that belong together.
  static func next(_ random: inout SeededRandom) -> ByteBuffer {
    let text = random.pick(texts)
    switch Int.random(in: 0..<24, using: &random) {
    case 0...2:
      return text.hasPrefix("copyin") ? copy(Client.query(text), &random) : Client.query(text)
    case 3: return Client.query("rows 2;tag SET;rows 1")
    case 4: return copy(Client.query("tag A;copyin;rows 2"), &random)
    case 5, 6:
      // Few such, as they end sessions: what comes behind a COPY by chance is no data.
      if text.hasPrefix("copy"), random.chance(0.9) { return Client.sync }
      return Client.parse(random.pick(names), random.chance(0.1) ? "unparsable" : text)
    case 7, 8:
      return Client.bind(
        random.pick(portals), random.pick(names + ["missing"]),
        random.chance(0.5) ? [] : [ByteBuffer(string: "v"), nil])
    case 9, 10:
      return Client.execute(random.pick(portals), rows: random.chance(0.5) ? 0 : 2)
    case 11, 12:
      let body = all([
        Client.parse("", text), Client.bind(), Client.describe(portal: ""), Client.execute(),
      ])
      guard text == "copyin" || text == "copyview" else { return all([body, Client.sync]) }
      return copy(body, &random, extended: true)
    case 13: return Client.describe(statement: random.pick(names))
    case 14: return Client.describe(portal: random.pick(portals))
    case 15: return Client.close(statement: random.pick(names))
    case 16: return Client.close(portal: random.pick(portals))
    case 17: return Client.flush
    case 18: return Client.functionCall
    case 19: return random.chance(0.5) ? Client.query(long) : Client.parse("", long)
    case 20:
      return random.pick([
        Client.copyData("stray"), Client.copyDone, message("B", "x"), message("H", "extra"),
      ])
    default: return Client.sync
    }
  }

  private static func copy(
    _ start: ByteBuffer, _ random: inout SeededRandom, extended: Bool = false
  ) -> ByteBuffer {
    var parts = [start]
    if extended, random.chance(0.5) { parts.append(Client.sync) }
    for _ in 0..<Int.random(in: 0..<4, using: &random) {
      parts.append(Client.copyData(random.chance(0.2) ? "bad" : "1\n"))
      while random.chance(0.15) { parts.append(Client.sync) }
      if random.chance(0.05) { parts.append(message("H", "extra")) }
    }
    while random.chance(extended ? 0.98 : 0.9) {
      parts.append(random.chance(0.7) ? Client.copyDone : Client.copyFail("no"))
      if random.chance(0.8) { break }
      parts.append(Client.sync)
    }
    if extended, random.chance(0.97) { parts.append(Client.sync) }
    return all(parts)
  }
}

/// One random session: a client, the core, a server; every event and effect is kept.
struct RandomWalk {
  struct Step {
    var event: Event
    var now: MonotonicTime
  }

  let seed: UInt64
  private(set) var steps: [Step] = []
  private(set) var effects: [Effects] = []
  private(set) var server = ModelServer()
  private(set) var core: SessionCore
  private(set) var largestBuffer = 0
  private var random: SeededRandom
  private var now = MonotonicTime(nanoseconds: 1)
  private var serverInput = ByteBuffer()
  private var clientOutput = ByteBuffer()
  private var isPaused = false

  static let limits: SessionLimits = {
    var limits = SessionLimits()
    limits.maximumStatementBytes = 400
    limits.maximumInspectedServerBytes = 256
    limits.maximumRetainedBytes = 2_000
    limits.maximumPendingReplies = 64
    return limits
  }()

  static func newCore() -> SessionCore {
    SessionCore(
      configuration: SessionConfiguration(
        session: SessionID(Identifier128(high: 1, low: 2)), poisonNonce: SessionHarness.nonce,
        limits: limits, judge: ListedJudge(refused: ["tag", "prepared"])))
  }

  init(seed: UInt64, events: Int) {
    self.seed = seed
    random = SeededRandom(seed: seed)
    core = Self.newCore()
    logIn()
    while steps.count < events, !core.isClosed { walk() }
    finish()
  }

  private mutating func send(_ event: Event) {
    now = MonotonicTime(nanoseconds: now.nanoseconds + 1_000)
    steps.append(Step(event: event, now: now))
    let done = core.handle(event, at: now)
    effects.append(done)
    largestBuffer = max(largestBuffer, core.bufferedBytes)
    for slice in done.server.send { serverInput.writeImmutableBuffer(slice) }
    if done.client.reading == .pause { isPaused = true }
    if done.client.reading == .resume { isPaused = false }
  }

  private mutating func logIn() {
    send(.clientConnected)
    send(.clientBytes(Client.startup()))
    send(.clientBytes(Client.password("token")))
    let expiry = random.chance(0.05) ? 300_000 : Int64.max
    send(
      .loginVerdict(
        .granted(
          SessionHarness.grant(expiry: MonotonicTime(nanoseconds: expiry)),
          ServerCredential(password: nil))))
    send(.serverConnected(SessionHarness.connected()))
    serverInput.clear()
    send(
      .serverBytes(all([Server.authenticationOk, Server.key(1, [1, 2, 3, 4]), Server.ready()])))
  }

  private mutating func walk() {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<45:
      for _ in 0..<Int.random(in: 1..<5, using: &random) {
        clientOutput.writeImmutableBuffer(ModelClient.next(&random))
      }
      deliverClient()
    case 45..<55: deliverClient()
    case 55..<75:
      server.receive(serverInput.readSlice(length: serverInput.readableBytes) ?? ByteBuffer())
      deliverServer()
    case 75..<97: deliverServer()
    case 97 where random.chance(0.5): server.speakUp()
    case 98 where random.chance(0.05): end()
    default: break
    }
  }

  /// Anything from a byte to all there is.
  private mutating func deliverClient() {
    guard !isPaused, clientOutput.readableBytes > 0 else { return }
    let count = part(of: clientOutput.readableBytes)
    guard let chunk = clientOutput.readSlice(length: count) else { return }
    clientOutput.discardReadBytes()
    send(.clientBytes(chunk))
  }

  private mutating func deliverServer() {
    let count = part(of: server.output.readableBytes)
    if count > 0 { send(.serverBytes(server.takeOutput(count))) }
    if server.isClosed, server.output.readableBytes == 0 { send(.serverClosed) }
  }

  private mutating func part(of count: Int) -> Int {
    random.chance(0.5) ? count : min(count, Int.random(in: 0...40, using: &random))
  }

  private mutating func end() {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: send(.clientClosed)
    case 1: send(.serverClosed)
    case 2: send(.terminate(reason: .sessionKilled, detail: "test"))
    case 3:
      clientOutput.writeImmutableBuffer(Client.terminate)
      deliverClient()
    default:
      clientOutput.writeImmutableBuffer(message("?", ""))
      deliverClient()
    }
  }

  /// Lets everything come to rest, then ends the session.
  private mutating func finish() {
    for _ in 0..<200 where !core.isClosed {
      let before = steps.count
      if !isPaused, clientOutput.readableBytes > 0 {
        send(.clientBytes(clientOutput.readSlice(length: clientOutput.readableBytes)!))
      }
      server.receive(serverInput.readSlice(length: serverInput.readableBytes) ?? ByteBuffer())
      if server.output.readableBytes > 0 {
        send(.serverBytes(server.takeOutput(server.output.readableBytes)))
      }
      if server.isClosed { send(.serverClosed) }
      if steps.count == before { break }
    }
    send(.clientClosed)
    if !core.isClosed { send(.timerFired(.drain)) }
    if !core.isClosed { send(.serverClosed) }
  }
}
