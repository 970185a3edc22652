import GatewayModel
import NIOCore
import PostgresWire
import Testing

@testable import SessionCore

/// Drives one session and keeps everything it did.
struct SessionHarness {
  var core: SessionCore
  var now = MonotonicTime(nanoseconds: 1_000_000_000)
  var audit: [AuditEvent] = []
  var toServer = ByteBuffer()
  var toClient = ByteBuffer()
  var serverCloses = 0
  var clientCloses = 0
  var cancels = 0
  /// The statements that cancels of their own were asked for.
  var cancelled: [StatementID?] = []

  static let nonce = Identifier128(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
  static let mintedKey = CancelKey(processID: 77, secret: [9, 9, 9, 9])
  static let expiry = MonotonicTime(nanoseconds: 900_000_000_000)

  init(
    limits: SessionLimits = SessionLimits(), policy: StatementPolicy = StatementPolicy(),
    judge: any StatementJudge = ListedJudge(), serverVersion: ProtocolVersion = .newest
  ) {
    core = SessionCore(
      configuration: SessionConfiguration(
        session: SessionID(Identifier128(high: 1, low: 0xABC)), poisonNonce: Self.nonce,
        limits: limits, policy: policy, judge: judge, serverVersion: serverVersion))
    send(.clientConnected)
  }

  /// A session that is past its login, with nothing kept of it.
  static func ready(
    limits: SessionLimits = SessionLimits(), policy: StatementPolicy = StatementPolicy(),
    judge: any StatementJudge = ListedJudge()
  ) -> SessionHarness {
    var session = SessionHarness(limits: limits, policy: policy, judge: judge)
    session.logIn()
    #expect(session.core.isReady)
    session.forget()
    return session
  }

  mutating func logIn(
    _ startup: ByteBuffer = Client.startup(), allowingFunctionCalls: Bool = false
  ) {
    client(startup, Client.password("token"))
    var grant = Self.grant()
    if allowingFunctionCalls { grant.connection.allowsFunctionCalls = true }
    send(.loginVerdict(.granted(grant, ServerCredential(password: Secret(text: "pw")))))
    send(.serverConnected(Self.connected()))
    server(Server.authenticationOk, Server.status("client_encoding", "UTF8"))
    server(Server.key(4711, [1, 2, 3, 4]), Server.ready())
  }

  mutating func forget() {
    audit = []
    toServer = ByteBuffer()
    toClient = ByteBuffer()
  }

  @discardableResult
  mutating func send(_ event: Event) -> Effects {
    let effects = core.handle(event, at: now)
    audit += effects.audit
    for slice in effects.server.send { toServer.writeImmutableBuffer(slice) }
    for slice in effects.client.send { toClient.writeImmutableBuffer(slice) }
    if effects.server.close { serverCloses += 1 }
    if effects.server.cancel { cancels += 1 }
    if let target = effects.server.cancelStatement { cancelled.append(target.statement) }
    if effects.client.close { clientCloses += 1 }
    return effects
  }

  mutating func client(_ parts: ByteBuffer...) { send(.clientBytes(all(parts))) }
  mutating func server(_ parts: ByteBuffer...) { send(.serverBytes(all(parts))) }
  mutating func pass(seconds: Int64) {
    now = MonotonicTime(nanoseconds: now.nanoseconds + seconds * 1_000_000_000)
  }

  var begins: [StatementBegun] {
    audit.compactMap { if case .statementBegin(let begin) = $0 { begin } else { nil } }
  }
  var ends: [StatementEnded] {
    audit.compactMap { if case .statementEnd(let end) = $0 { end } else { nil } }
  }
  var refusals: [Refused] {
    audit.compactMap { if case .refusal(let refusal) = $0 { refusal } else { nil } }
  }
  var closes: [SessionClosed] {
    audit.compactMap { if case .sessionClose(let close) = $0 { close } else { nil } }
  }
  /// `1 completed 2 failed` and so on.
  var outcomes: String {
    ends.map { "\($0.statement.rawValue) \($0.outcome)" }.joined(separator: ", ")
  }

  /// The SQLSTATEs of the errors the client was sent.
  var clientErrors: [String] {
    var stream = MessageStream()
    stream.append(toClient)
    var codes: [String] = []
    while let next = stream.next() {
      guard next.type == "E" else { continue }
      codes.append((try? BackendMessage.Diagnostic(decoding: next.body))?.sqlState ?? "?")
    }
    return codes
  }

  static func grant(expiry: MonotonicTime = Self.expiry) -> LoginGrant {
    let principal = Principal(issuer: "sallyport", subject: "alice@example.com")
    return LoginGrant(
      principal: principal, actors: ActorChain(principal: principal), tokenID: "t1",
      tokenExpiresUnixSeconds: 1_900_000_000, expiry: expiry,
      connection: Connection(
        id: Identifier128(high: 2, low: 2), name: "orders", segment: "s", host: "db", port: 5432,
        database: "orders_prod", tls: .disable),
      role: "app_rw", grantName: "g", bundleVersion: 3, bundleHash: [1])
  }

  static func connected(
    _ protection: ServerConnected.Protection = .none
  ) -> ServerConnected {
    ServerConnected(
      protection: protection, endpointBinding: nil,
      scramNonce: Array(repeating: 5, count: 18), mintedKey: mintedKey)
  }
}
