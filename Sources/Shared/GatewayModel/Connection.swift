/// How the server leg is secured; the meanings are libpq's `sslmode`.
package enum ServerTLSMode: String, Hashable, Sendable, Codable, CaseIterable {
  case disable
  /// Encrypted, the certificate not checked.
  case require
  case verifyCA = "verify-ca"
  /// Encrypted, the certificate issued by a trusted authority for this host name.
  case verifyFull = "verify-full"
}

/// What the records of a statement survive before the statement takes effect.
package enum Durability: String, Hashable, Sendable, Codable, CaseIterable {
  /// The agent being killed at any instant: they are with the kernel.
  case crashSafe = "crash-safe"
  /// The agent's host losing power, too: they are on the medium.
  case powerSafe = "power-safe"
}

/// A registered target database.
package struct Connection: Hashable, Sendable, Codable {
  package var id: Identifier128
  /// What a client writes as its database name. Unique in the organisation.
  package var name: String
  package var segment: String
  /// A host name, an address, or the folder of a Unix socket (begins with `/`).
  package var host: String
  package var port: UInt16
  /// The database at the server.
  package var database: String
  package var tls: ServerTLSMode
  /// PEM of the authorities that may vouch for the server; `nil` trusts the system's.
  package var authoritiesPEM: String?
  package var labels: [String: String]
  package var roles: [DatabaseRole]
  /// Whether functions may be called outside SQL (FunctionCall, as large objects of libpq are
  /// read); `nil`, as in bundles made before there was the choice, means no.
  package var allowsFunctionCalls: Bool?
  /// The most rows that one statement may return to a client, from 1 on; `nil` means any number.
  package var maximumRows: Int?
  /// What a statement's records survive; `nil`, as in bundles made before there was the choice,
  /// means ``Durability/crashSafe``.
  package var durability: Durability?

  /// What ``maximumRows`` may be.
  package static let rowLimits = 1...Int(Int32.max)

  package init(
    id: Identifier128, name: String, segment: String, host: String, port: UInt16,
    database: String, tls: ServerTLSMode, authoritiesPEM: String? = nil,
    labels: [String: String] = [:], roles: [DatabaseRole] = [], allowsFunctionCalls: Bool? = nil,
    maximumRows: Int? = nil, durability: Durability? = nil
  ) {
    self.id = id
    self.name = name
    self.segment = segment
    self.host = host
    self.port = port
    self.database = database
    self.tls = tls
    self.authoritiesPEM = authoritiesPEM
    self.labels = labels
    self.roles = roles
    self.allowsFunctionCalls = allowsFunctionCalls
    self.maximumRows = maximumRows
    self.durability = durability
  }
}

/// A role at the server that a grant can map a principal to, with its sealed credential.
package struct DatabaseRole: Hashable, Sendable, Codable {
  /// The role's name at the server.
  package var name: String
  /// One ciphertext for each agent of the segment.
  package var credentials: [SealedCredential]

  package init(name: String, credentials: [SealedCredential] = []) {
    self.name = name
    self.credentials = credentials
  }
}
