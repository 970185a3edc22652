import APIModel
import AsyncHTTPClient
import Foundation
import GatewayModel
import NIOCore
import NIOFoundationCompat
import NIOSSL

/// Speaks with a control plane's HTTPS API, and tells its failures as ``CLIFailure``.
///
/// A client lives for one command; ``withClient(_:_:)`` closes it.
struct APIClient: Sendable {
  /// The longest answer that is read; a page of a thousand ordinary statements is far below.
  static let maximumAnswerBytes = 64 << 20

  /// Whom to trust for the control plane's certificate.
  enum Trust: Sendable {
    case authority(Authority)
    case system
    /// Nobody is asked: for fetching an authority that is then compared with a fingerprint.
    case unverified
  }

  let server: ServerAddress
  private let token: Secret?
  private let http: HTTPClient

  private init(server: ServerAddress, trust: Trust, token: Secret?) {
    self.server = server
    self.token = token
    var tls = TLSConfiguration.makeClientConfiguration()
    switch trust {
    case .authority(let authority): tls.trustRoots = .certificates(authority.certificates)
    case .system: break
    case .unverified: tls.certificateVerification = .none
    }
    tls.minimumTLSVersion = .tlsv12
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls, redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(10), read: .seconds(60)))
    // The first failure says more than ten seconds of repeating it.
    configuration.connectionPool.retryConnectionEstablishment = false
    http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// Runs `body` with a client for the configured control plane.
  static func withClient<Result>(
    _ configuration: ClientConfiguration, _ body: (APIClient) async throws -> Result
  ) async throws -> Result {
    guard let token = configuration.apiToken else {
      throw CLIFailure(
        .forbidden, "there is no API token for \(configuration.server.text)",
        remedy: "log in with `sallyport login`, or set SALLYPORT_API_TOKEN_FILE")
    }
    let trust: Trust =
      switch configuration.serverTrust {
      case .system: .system
      case .authority:
        .authority(
          try Authority(pem: configuration.authorityPEM ?? "", source: "the configuration"))
      }
    return try await withClient(
      server: configuration.server, trust: trust, token: token, body)
  }

  static func withClient<Result>(
    server: ServerAddress, trust: Trust, token: Secret?,
    _ body: (APIClient) async throws -> Result
  ) async throws -> Result {
    let client = APIClient(server: server, trust: trust, token: token)
    do {
      let result = try await body(client)
      try? await client.http.shutdown()
      return result
    } catch {
      try? await client.http.shutdown()
      throw error
    }
  }

  func get<Answer: Decodable>(
    _ base: String, _ parts: [String] = [], query: [(String, String)] = [],
    as type: Answer.Type = Answer.self
  ) async throws(CLIFailure) -> Answer {
    try decode(await send("GET", server.url(base, parts, query: query), body: nil))
  }

  func post<Answer: Decodable>(
    _ base: String, _ parts: [String] = [], body: (any Encodable & Sendable)? = nil,
    as type: Answer.Type = Answer.self
  ) async throws(CLIFailure) -> Answer {
    var bytes: Data?
    if let body {
      bytes = try? JSONEncoder().encode(body)
    }
    return try decode(await send("POST", server.url(base, parts), body: bytes))
  }

  /// Reads an answer as it comes, however long it is.
  func stream(
    _ base: String, query: [(String, String)], _ take: (ByteBuffer) async throws -> Void
  ) async throws {
    let request = request("GET", server.url(base, query: query), body: nil)
    let response: HTTPClientResponse
    do {
      response = try await http.execute(request, timeout: .hours(24))
      let status = Int(response.status.code)
      guard (200..<300).contains(status) else {
        let answer = try await response.body.collect(upTo: Self.maximumAnswerBytes)
        throw Self.refusal(status: status, answer: Data(buffer: answer), server: server)
      }
    } catch let failure as CLIFailure {
      throw failure
    } catch {
      throw TransportFailure.failure(for: error, server: server)
    }
    var parts = response.body.makeAsyncIterator()
    while true {
      let part: ByteBuffer?
      do {
        part = try await parts.next()
      } catch {
        throw TransportFailure.failure(for: error, server: server)
      }
      guard let part else { return }
      try await take(part)
    }
  }

  func delete(_ base: String, _ parts: [String]) async throws(CLIFailure) {
    _ = try await send("DELETE", server.url(base, parts), body: nil)
  }

  private func request(_ method: String, _ url: String, body: Data?) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: url)
    request.method = .init(rawValue: method)
    request.headers.add(name: "Accept", value: "application/json")
    request.headers.add(name: "User-Agent", value: "sallyport/\(Sallyport.version)")
    if let token { request.headers.add(name: "Authorization", value: "Bearer \(token.text)") }
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(data: body))
    }
    return request
  }

  private func send(
    _ method: String, _ url: String, body: Data?
  ) async throws(CLIFailure) -> ByteBuffer {
    let request = request(method, url, body: body)
    let status: Int
    let answer: ByteBuffer
    do {
      let response = try await http.execute(request, timeout: .seconds(120))
      status = Int(response.status.code)
      answer = try await response.body.collect(upTo: Self.maximumAnswerBytes)
    } catch {
      throw TransportFailure.failure(for: error, server: server)
    }
    guard (200..<300).contains(status) else {
      throw Self.refusal(status: status, answer: Data(buffer: answer), server: server)
    }
    return answer
  }

  private func decode<Answer: Decodable>(_ answer: ByteBuffer) throws(CLIFailure) -> Answer {
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(buffer: answer))
    } catch {
      throw CLIFailure(
        .failed, "\(server.text) answered with something that is not understood here",
        remedy: """
          check that the address is a Sallyport control plane, and that it and this program \
          (\(Sallyport.version)) are of the same version
          """)
    }
  }

  /// What a refusing answer means for the person at the shell.
  static func refusal(status: Int, answer: Data, server: ServerAddress) -> CLIFailure {
    guard let body = try? JSONDecoder().decode(APIErrorBody.self, from: answer) else {
      return CLIFailure(
        exitStatus(code: nil, status: status),
        "\(server.text) answered with status \(status) and no reason",
        remedy: "check that the address is a Sallyport control plane; its log may say more")
    }
    let login = status == 401 ? "log in again with `sallyport login`" : nil
    var failure = CLIFailure(
      exitStatus(code: body.code, status: status), body.message, remedy: body.remedy ?? login,
      apiCode: body.code)
    failure.details = (body.diagnostics ?? []).map(DiagnosticText.line)
    return failure
  }

  private static func exitStatus(code: String?, status: Int) -> CLIExit {
    switch (code, status) {
    case ("not_found", _), (nil, 404): .notFound
    case ("unauthorized", _), ("forbidden", _), (nil, 401), (nil, 403): .forbidden
    case ("unavailable", _), (nil, 502...504): .unavailable
    default: .failed
    }
  }
}
