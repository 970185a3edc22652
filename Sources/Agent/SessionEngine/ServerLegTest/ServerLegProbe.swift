internal import GatewayModel
import NIOCore
internal import PostgresWire
import SessionCore

/// Plays the client of one session core over a real server leg, up to the answer to one query.
///
/// The core logs in at the server as it does for people, so the test says what they would meet.
final class ServerLegProbe: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let leg: ServerChannel
  private let connection: Connection
  private let role: String
  private let credential: ServerCredential
  private let deriver: ScramKeyDeriver
  private let done: EventLoopPromise<String>
  private var core: SessionCore
  private var answers = ByteBuffer()
  private var hasAsked = false
  private var version = ""
  private var failure: String?

  /// - Parameters:
  ///   - configuration: Of the gateway: the protocol version to ask for and its like.
  ///   - done: Completed with the server's version, or failed with ``ServerLegFailure``.
  init(
    leg: ServerChannel, connection: Connection, role: String, credential: ServerCredential,
    deriver: ScramKeyDeriver, configuration: GatewayConfiguration, done: EventLoopPromise<String>
  ) {
    self.leg = leg
    self.connection = connection
    self.role = role
    self.credential = credential
    self.deriver = deriver
    self.done = done
    core = SessionCore(
      configuration: SessionConfiguration(
        session: SessionID(.freshTimeOrdered()), poisonNonce: .random(), judge: OwnStatements(),
        serverVersion: configuration.serverProtocol.version,
        channelBinding: configuration.serverChannelBinding.mode))
  }

  func handlerAdded(context: ChannelHandlerContext) {
    tell(.clientConnected, context)
    var startup = ByteBuffer()
    StartupMessage(parameters: [
      .init(name: "user", value: role), .init(name: "database", value: connection.name),
      .init(name: "application_name", value: "sallyport connections test"),
    ]).encode(into: &startup)
    tell(.clientBytes(startup), context)
    var password = ByteBuffer()
    FrontendMessage.PasswordMessage(password: "test".utf8).encode(into: &password)
    tell(.clientBytes(password), context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    tell(.serverBytes(unwrapInboundIn(data)), context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    tell(.serverClosed, context)
    finish(context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let broken = ServerLegFailure.brokenTLS(with: "the server", error)?.detail
    failure = failure ?? broken ?? "the connection broke: \(error)"
    context.close(promise: nil)
  }

  private func tell(_ event: Event, _ context: ChannelHandlerContext) {
    let now = MonotonicTime(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    let effects = core.handle(event, at: now)
    for case .refusal(let refused) in effects.audit { failure = failure ?? refused.detail }
    for slice in effects.server.send { context.write(wrapOutboundOut(slice), promise: nil) }
    if !effects.server.send.isEmpty { context.flush() }
    answers.writeImmutableBuffer(effects.client.send.joined)
    readAnswers(context)
    if effects.verifyLogin != nil { tell(.loginVerdict(.granted(grant, credential)), context) }
    if let derivation = effects.deriveKeys {
      deriver.keys(of: derivation, on: context.eventLoop).assumeIsolated().whenSuccess {
        self.tell(.scramKeysDerived($0), context)
      }
    }
    if effects.server.connect {
      var random = SystemRandomNumberGenerator()
      tell(
        .serverConnected(
          ServerConnected(
            protection: leg.protection, endpointBinding: leg.channelBinding,
            scramNonce: ServerChannel.freshNonce(),
            mintedKey: CancelKey(
              processID: 1, secret: withUnsafeBytes(of: random.next()) { Array($0) }))),
        context)
    }
    if effects.server.close || effects.client.close { finish(context) }
  }

  /// Whom the core takes the test for; never recorded.
  private var grant: LoginGrant {
    let principal = Principal(
      issuer: "sallyport", subject: "connections test", kind: .service)
    return LoginGrant(
      principal: principal, actors: ActorChain(principal: principal), tokenID: "",
      tokenExpiresUnixSeconds: 0, expiry: MonotonicTime(nanoseconds: .max),
      connection: connection, role: role, grantName: "", bundleVersion: 0, bundleHash: [])
  }

  private func readAnswers(_ context: ChannelHandlerContext) {
    while let header = try? BackendHeader.peek(answers),
      let message = answers.readSlice(length: header.messageLength)
    {
      var body = message
      body.moveReaderIndex(forwardBy: MessageHeaderLayout.byteCount)
      switch header.type {
      case .errorResponse:
        // What the core tells the client; its record has more, where there is one.
        let error = try? BackendMessage.Diagnostic(decoding: body)
        failure = failure ?? error.map { "the server answered \($0.sqlState): \($0.message)" }
      case .dataRow: version = Self.firstColumn(body)
      case .readyForQuery: ready(context)
      default: break
      }
    }
  }

  private func ready(_ context: ChannelHandlerContext) {
    guard !hasAsked else { return finish(context) }
    hasAsked = true
    var query = ByteBuffer()
    FrontendMessage.Query(sql: "SELECT version()").encode(into: &query)
    tell(.clientBytes(query), context)
  }

  private func finish(_ context: ChannelHandlerContext) {
    if let failure {
      done.fail(
        ServerLegFailure(reason: .serverAuthentication, detail: "\(leg.address): \(failure)"))
    } else if version.isEmpty {
      done.fail(
        ServerLegFailure(
          reason: .serverUnreachable,
          detail: "\(leg.address) closed the connection; see the server's log"))
    } else {
      let secured = leg.tls.isEmpty ? "without TLS" : "with \(leg.tls)"
      done.succeed("\(version), \(leg.address) \(secured)")
    }
    context.close(promise: nil)
  }

  /// Layout: a two-byte count, then for each column a four-byte length and its bytes.
  private static func firstColumn(_ row: ByteBuffer) -> String {
    var row = row
    guard row.readInteger(as: UInt16.self) ?? 0 > 0, let length = row.readInteger(as: Int32.self),
      length >= 0, let text = row.readString(length: Int(length))
    else { return "" }
    return text
  }
}
