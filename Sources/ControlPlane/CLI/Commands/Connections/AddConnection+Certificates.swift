import APIModel
import GatewayModel

extension AddConnection {
  /// The certificates that were given, read and checked; refused where no TLS would carry them.
  func certificates(
    for draft: ConnectionDraft
  ) throws(CLIFailure) -> [String: RoleCertificate] {
    let url = try self.url.map { (text) throws(CLIFailure) in try DatabaseURL(text) }
    let files = try certificates.files(for: draft.roles.map(\.name), url: url)
    guard files.isEmpty || draft.tls != ServerTLSMode.disable.rawValue else {
      throw CLIFailure(
        .usage, "a client certificate is shown in TLS, and --tls disable leaves that out",
        remedy: "choose --tls verify-full, or leave --sslcert out")
    }
    guard files.isEmpty || !draft.host.hasPrefix("/") else {
      throw CLIFailure(
        .usage,
        "a client certificate is shown in TLS, and the Unix socket in \"\(draft.host)\" has none",
        remedy: "give the server's host name with --host, or leave --sslcert out")
    }
    return try RoleCertificates.read(files)
  }

  /// What a role logs in with; a role without a certificate has a password by now.
  static func credential(
    _ certificate: ClientCertificate?, _ password: Secret?
  ) -> RoleCredential {
    switch (certificate, password) {
    case (let certificate?, let password?): .certificateAndPassword(certificate, password)
    case (let certificate?, nil): .certificate(certificate)
    case (nil, let password): .password(password ?? Secret(text: ""))
    }
  }
}
