import GatewayModel
import NIOSSL
import TestSupport
import Testing

@testable import SessionEngine

/// One role's certificate is never shown for another, and what cannot be used is said.
@Suite struct ServerTLSContextTests {
  private static func target(
    _ certificate: ClientCertificate?, tls: ServerTLSMode = .require, authorities: String? = nil
  ) -> ServerTarget {
    ServerTarget(
      Connection(
        id: Identifier128(high: 1, low: 1), name: "orders", segment: "s", host: "db", port: 5432,
        database: "shop", tls: tls, authoritiesPEM: authorities), certificate: certificate)
  }

  private static func certificate(_ leaf: TestPKI.Leaf) -> ClientCertificate {
    ClientCertificate(chainPEM: leaf.certificatePEM, keyPEM: Secret(text: leaf.keyPEM))
  }

  @Test func aContextIsSharedWhereAllItShowsIsTheSame() throws {
    let pki = try TestPKI()
    let app = Self.certificate(try pki.issue(usage: .client, commonName: "app"))
    let reader = Self.certificate(try pki.issue(usage: .client, commonName: "reader"))
    var contexts = ServerTLSContexts()
    let bare = try contexts.context(for: Self.target(nil))
    let first = try contexts.context(for: Self.target(app))
    let second = try contexts.context(for: Self.target(reader))
    #expect(first !== second && first !== bare && second !== bare)
    #expect(try contexts.context(for: Self.target(app)) === first)
    #expect(try contexts.context(for: Self.target(reader)) === second)
    #expect(try contexts.context(for: Self.target(nil)) === bare)
    // The same names with other authorities, or another mode, is another way to the server.
    let checked = try contexts.context(
      for: Self.target(app, tls: .verifyFull, authorities: pki.authorityPEM))
    #expect(checked !== first)
  }

  @Test func whatCannotBeUsedIsSaidWithoutTheKey() throws {
    let pki = try TestPKI()
    let app = Self.certificate(try pki.issue(usage: .client, commonName: "app"))
    let other = Self.certificate(try pki.issue(usage: .client, commonName: "app"))
    var contexts = ServerTLSContexts()
    for (certificate, what) in [
      (
        ClientCertificate(chainPEM: "x", keyPEM: app.keyPEM), "cannot use the client certificate"
      ),
      (
        ClientCertificate(chainPEM: app.chainPEM, keyPEM: Secret(text: "key-canary")),
        "cannot use the key of the client certificate"
      ),
      (ClientCertificate(chainPEM: app.chainPEM, keyPEM: other.keyPEM), "cannot use the cert"),
    ] {
      let failure = #expect(throws: ServerLegFailure.self) {
        try contexts.context(for: Self.target(certificate))
      }
      #expect(failure?.reason == .serverTLS)
      #expect(failure?.detail.contains(what) == true, "\(failure?.detail ?? "")")
      #expect(failure?.detail.contains("db:5432") == true)
      #expect(failure?.detail.contains("key-canary") == false)
    }
    let failure = #expect(throws: ServerLegFailure.self) {
      try contexts.context(for: Self.target(app, tls: .verifyCA, authorities: "x"))
    }
    #expect(failure?.detail.contains("cannot use the authorities") == true)
  }
}
