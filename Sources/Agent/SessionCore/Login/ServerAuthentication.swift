internal import GatewayModel
internal import NIOCore
internal import PostgresWire

/// Logs the agent in at the server, with the credential of the granted role.
///
/// Independent of the client's login. Fails rather than fall back: a cleartext password leaves
/// only over a protected leg, and a server that began SCRAM must prove itself before its
/// AuthenticationOk counts. Where channel binding is required, nothing but a SCRAM exchange bound to
/// the TLS channel is taken for a login, as with libpq's `channel_binding=require`.
struct ServerAuthentication: Sendable {
  enum Step: Equatable {
    case send(ByteBuffer)
    /// Derive these keys and hand them to ``receive(_:)-(ScramKeys)``.
    case derive(ScramDerivation)
    /// The server says more first.
    case wait
    case authenticated
    /// For the record; never a secret.
    case failed(String)
  }

  private enum Phase: Sendable {
    case asked
    /// A password was sent; only AuthenticationOk may follow.
    case answered
    case scram(ScramClient)
    /// The keys to answer this challenge are being derived; the server says nothing meanwhile.
    case deriving(ScramClient, challenge: ByteBuffer)
    case done
  }

  private let role: String
  private let credential: ServerCredential
  private let connected: ServerConnected
  private let binding: ScramMechanism.ChannelBindingMode
  private let iterationCap: Int
  private var phase: Phase = .asked
  private(set) var keys: ScramKeys?

  init(
    role: String, credential: ServerCredential, connected: ServerConnected,
    binding: ScramMechanism.ChannelBindingMode = .prefer, iterationCap: Int
  ) {
    self.role = role
    self.credential = credential
    self.connected = connected
    self.binding = binding
    self.iterationCap = iterationCap
  }

  /// Whether the server has said nothing yet and was shown a certificate: one that does not take it
  /// may just close, or its word is lost with the connection.
  var mayHaveLostToCertificate: Bool {
    if case .asked = phase { credential.certificate != nil } else { false }
  }

  mutating func receive(_ message: BackendMessage.Authentication) -> Step {
    if case .asked = phase, binding == .require {
      guard case .sasl = message else { return unbound(message) }
    }
    switch (phase, message) {
    case (.asked, .ok), (.answered, .ok):
      phase = .done
      return .authenticated
    case (.asked, .cleartextPassword): return cleartext()
    case (.asked, .md5Password(let salt)): return md5(salt)
    case (.asked, .sasl(let mechanisms)): return begin(mechanisms)
    case (.scram(let client), .saslContinue(let data)): return answer(data, client)
    case (.scram(let client), .saslFinal(let data)): return verify(data, client)
    case (.scram(let client), .ok):
      guard client.isVerified else {
        return .failed("the server ended SCRAM without proving that it knows the password")
      }
      keys = client.keys
      phase = .done
      return .authenticated
    case (.asked, _):
      return .failed(
        "the server asks for \(Self.name(message)), which is not supported; "
          + "use scram-sha-256 in its pg_hba.conf")
    case (.answered, _), (.scram, _), (.deriving, _), (.done, _):
      return .failed("the server asks for \(Self.name(message)) when that is not due")
    }
  }

  /// Goes on with the keys that ``Step/derive(_:)`` asked for; does nothing when none are due.
  mutating func receive(_ keys: ScramKeys) -> Step {
    guard case .deriving(var client, let challenge) = phase else { return .wait }
    client.use(keys)
    return answer(challenge, client)
  }

  private mutating func cleartext() -> Step {
    guard connected.protection != .none else {
      return .failed(
        "the server asks for a cleartext password on a leg without TLS; "
          + "use scram-sha-256 in its pg_hba.conf, or a stricter TLS mode")
    }
    guard let password = credential.password else { return noPassword("a cleartext password") }
    phase = .answered
    return send { FrontendMessage.PasswordMessage(password: password.bytes).encode(into: &$0) }
  }

  private mutating func md5(_ salt: [UInt8]) -> Step {
    guard let password = credential.password else { return noPassword("an md5 password") }
    phase = .answered
    let answer = MD5Password.answer(user: role, password: password.bytes, salt: salt)
    return send { FrontendMessage.PasswordMessage(password: answer).encode(into: &$0) }
  }

  private mutating func begin(_ mechanisms: [String]) -> Step {
    guard let password = credential.password else { return noPassword("a password by SASL") }
    do throws(ScramError) {
      let choice = try ScramMechanism.select(
        from: mechanisms, mode: binding, endPoint: connected.endpointBinding)
      var client = ScramClient(
        password: password.bytes, randomNonce: connected.scramNonce, binding: choice.binding,
        cachedKeys: credential.cachedKeys, iterationCap: iterationCap)
      let data = try client.firstMessage()
      phase = .scram(client)
      return send {
        FrontendMessage.SASLInitialResponse(mechanism: choice.mechanism.rawValue, data: data)
          .encode(into: &$0)
      }
    } catch {
      return .failed(error.message)
    }
  }

  private mutating func answer(_ data: ByteBuffer, _ client: ScramClient) -> Step {
    var client = client
    do throws(ScramError) {
      if let derivation = try client.derivation(for: data) {
        phase = .deriving(client, challenge: data)
        return .derive(derivation)
      }
      let answer = try client.finalMessage(answering: data)
      phase = .scram(client)
      return send { FrontendMessage.SASLResponse(data: answer).encode(into: &$0) }
    } catch {
      return .failed(error.message)
    }
  }

  private mutating func verify(_ data: ByteBuffer, _ client: ScramClient) -> Step {
    var client = client
    do throws(ScramError) {
      try client.verify(serverFinal: data)
      phase = .scram(client)
      return .wait
    } catch {
      return .failed(error.message)
    }
  }

  private func send(_ write: (inout ByteBuffer) -> Void) -> Step {
    var bytes = ByteBuffer()
    write(&bytes)
    return .send(bytes)
  }

  private func unbound(_ message: BackendMessage.Authentication) -> Step {
    .failed(
      "the server asks for \(Self.name(message)), and the agent requires channel binding; use "
        + "scram-sha-256 over TLS in its pg_hba.conf, or start the agent without"
        + " --server-channel-binding require")
  }

  private func noPassword(_ asked: String) -> Step {
    guard credential.certificate != nil else {
      return .failed(
        "the server asks for \(asked) and the role \"\(role)\" has none; add its credential")
    }
    return .failed(
      "the server asks for \(asked) and the role \"\(role)\" has a client certificate only; use cert"
        + " for the role in its pg_hba.conf, or register the role with its password too")
  }

  private static func name(_ message: BackendMessage.Authentication) -> String {
    switch message {
    case .ok: "nothing"
    case .kerberosV5: "Kerberos V5"
    case .cleartextPassword: "a cleartext password"
    case .md5Password: "an md5 password"
    case .scmCredential: "SCM credentials"
    case .gss, .gssContinue: "GSSAPI"
    case .sspi: "SSPI"
    case .sasl, .saslContinue, .saslFinal: "SASL"
    case .unknown(let kind): "authentication of kind \(kind)"
    }
  }
}
