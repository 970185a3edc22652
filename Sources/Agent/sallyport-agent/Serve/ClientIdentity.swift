import AgentState
import Foundation
import SessionEngine

/// What clients see as the agent's certificate: given files, else the agent's own.
enum ClientIdentity {
  struct Files: Sendable {
    var certificate: String
    var key: String
  }

  /// - Throws: ``StartFailure`` when a file cannot be read, `GatewayError` when it cannot be used.
  static func load(_ files: Files?, own: TLSIdentity) throws -> ClientTLSIdentity {
    guard let files else {
      return try ClientTLSIdentity(
        certificateChainPEM: own.certificateChainPEM, privateKeyPEM: own.privateKeyPEM.text)
    }
    return try ClientTLSIdentity(
      certificateChainPEM: try read(files.certificate, option: "--tls-certificate"),
      privateKeyPEM: try read(files.key, option: "--tls-key"))
  }

  private static func read(_ path: String, option: String) throws -> String {
    do {
      return try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw StartFailure(
        .configuration, "the file \"\(path)\" cannot be read: give \(option) a PEM file")
    }
  }
}
