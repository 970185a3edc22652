internal import APIModel
internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOSSL

/// A call of the control plane's HTTPS API by an agent, which has no API token.
struct ControlAPICall: Sendable {
  static let maximumAnswerBytes = 1 << 20
  static let deadline = TimeAmount.seconds(30)

  /// The URL, `https://host:port`.
  let server: String

  /// Posts a body and reads the answer, of a server that these authorities vouch for.
  func post<Answer: Decodable & Sendable>(
    _ path: String, _ body: some Encodable, authoritiesPEM: String
  ) async throws(LinkError) -> Answer {
    var tls = TLSConfiguration.makeClientConfiguration()
    let bytes: [UInt8]
    do {
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authoritiesPEM.utf8)))
      bytes = Array(try JSONEncoder().encode(body))
    } catch {
      throw LinkError(code: .answer, message: "the authority's certificate is not usable: \(error)")
    }
    return try await call(path, posting: bytes, tls: tls)
  }

  func call<Answer: Decodable & Sendable>(
    _ path: String, posting body: [UInt8]?, tls: TLSConfiguration
  ) async throws(LinkError) -> Answer {
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    configuration.redirectConfiguration = .disallow
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let result: Result<Answer, LinkError>
    do {
      var request = HTTPClientRequest(url: server + path)
      if let body {
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(body)
      }
      let response = try await client.execute(request, timeout: Self.deadline)
      let bytes = try await response.body.collect(upTo: Self.maximumAnswerBytes)
      result = Self.read(bytes, status: response.status.code, server: server)
    } catch {
      result = .failure(Self.unreachable(server, error))
    }
    // A client that could not be shut down leaks its idle connections until the process ends,
    // which for enrolment is now.
    try? await client.shutdown()
    return try result.get()
  }

  private static func read<Answer: Decodable & Sendable>(
    _ bytes: ByteBuffer, status: UInt, server: String
  ) -> Result<Answer, LinkError> {
    if (200..<300).contains(status) {
      if let answer = try? JSONDecoder().decode(Answer.self, from: bytes) {
        return .success(answer)
      }
      return .failure(
        LinkError(
          code: .answer,
          message: "the server at \(server) does not answer as a control plane: check the address"))
    }
    guard let refusal = try? JSONDecoder().decode(APIErrorBody.self, from: bytes) else {
      return .failure(
        LinkError(
          code: .answer,
          message: "the server at \(server) answered with HTTP status \(status): check the address"
        ))
    }
    let remedy = refusal.remedy.map { " \($0)" } ?? ""
    let code: LinkError.Code =
      if refusal.code == APIErrorBody.removed {
        .removed
      } else {
        // Refused for what was asked, or unable to answer at all.
        (400..<500).contains(status) ? .refused : .unreachable
      }
    return .failure(
      LinkError(code: code, message: "the control plane refused: \(refusal.message)\(remedy)"))
  }

  private static func unreachable(_ server: String, _ error: any Error) -> LinkError {
    let reason = FailureText.describe(error)
    // What BoringSSL says of a chain it does not trust, and NIOSSL of a name that does not fit.
    if error is NIOSSLExtraError || reason.contains("CERTIFICATE_VERIFY_FAILED") {
      return LinkError(
        code: .untrusted,
        message: "the TLS certificate of \(server) is not trusted (\(reason)): use the address the"
          + " control plane's certificate is made for")
    }
    return LinkError(
      code: .unreachable,
      message: "the control plane at \(server) cannot be reached (\(reason)): check the address and"
        + " that it is running")
  }
}
