/// The SASL mechanisms of PostgreSQL's password login (RFC 7677, RFC 5929).
package enum ScramMechanism: String, Hashable, Sendable {
  case sha256 = "SCRAM-SHA-256"
  /// Bound to the TLS channel by `tls-server-end-point`.
  case sha256Plus = "SCRAM-SHA-256-PLUS"

  /// Whether the exchange is bound to the TLS channel; the meanings are libpq's
  /// `channel_binding`.
  package enum ChannelBindingMode: String, Hashable, Sendable, Codable {
    case disable
    case prefer
    case require
  }

  /// Chooses from the server's whole list.
  ///
  /// `endPoint` is the binding of the TLS channel (``TLSServerEndPoint``), `nil` without TLS or
  /// where the certificate has none. Never falls back from what `mode` requires.
  package static func select(
    from offered: [String], mode: ChannelBindingMode, endPoint: [UInt8]?
  ) throws(ScramError) -> (mechanism: ScramMechanism, binding: ScramChannelBinding) {
    if mode != .disable, let endPoint, offered.contains(Self.sha256Plus.rawValue) {
      return (.sha256Plus, .tlsServerEndPoint(endPoint))
    }
    if mode == .require {
      throw ScramError(
        .noMechanism,
        "cannot log in with channel binding: the server offers \(list(offered)) "
          + (endPoint == nil ? "and the TLS channel has no end point binding" : "over this channel")
          + "; use TLS with a certificate signed with SHA-256 or better, or do not require binding")
    }
    guard offered.contains(Self.sha256.rawValue) else {
      throw ScramError(
        .noMechanism,
        "cannot log in: the server offers \(list(offered)) and not \(Self.sha256.rawValue); "
          + "set password_encryption to scram-sha-256 at the server")
    }
    // Saying "supported but not offered" lets the server detect that its list was cut short.
    let couldBind = mode != .disable && endPoint != nil
    return (.sha256, couldBind ? .notOffered : .unsupported)
  }

  private static func list(_ offered: [String]) -> String {
    if offered.isEmpty { return "no mechanism" }
    let limit = 8
    return offered.prefix(limit).map { "\"\($0.prefix(32))\"" }.joined(separator: ", ")
  }
}

/// What the client says about channel binding (RFC 5802 section 6).
package enum ScramChannelBinding: Hashable, Sendable {
  /// The client does not bind: flag `n`.
  case unsupported
  /// The client would bind and the server did not offer it: flag `y`.
  case notOffered
  /// Bound to the server's certificate, given the hash of it: flag `p`.
  case tlsServerEndPoint([UInt8])

  /// The header in front of the client's first message (`gs2-header`).
  var header: String {
    switch self {
    case .unsupported: "n,,"
    case .notOffered: "y,,"
    case .tlsServerEndPoint: "p=tls-server-end-point,,"
    }
  }

  /// What the `c=` attribute carries before base64.
  var attribute: [UInt8] {
    switch self {
    case .unsupported, .notOffered: Array(header.utf8)
    case .tlsServerEndPoint(let hash): Array(header.utf8) + hash
    }
  }
}
