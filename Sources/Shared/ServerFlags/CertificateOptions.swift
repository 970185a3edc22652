package import ArgumentParser

/// A certificate from elsewhere that a server shows instead of one of its own.
package struct CertificateOptions: ParsableArguments {
  @Option(
    name: .customLong("tls-certificate"),
    help: ArgumentHelp(
      "PEM of a certificate to show clients, then its issuers, instead of one from the internal "
        + "authority.", valueName: "file"))
  package var certificate: String?

  @Option(
    name: .customLong("tls-key"),
    help: ArgumentHelp("PEM of the key of --tls-certificate.", valueName: "file"))
  package var key: String?

  package init() {}

  package func validate() throws {
    guard (certificate == nil) == (key == nil) else {
      throw ValidationError("--tls-certificate and --tls-key go together: give both or neither.")
    }
  }

  /// The paths of the two files; `nil` when none were given.
  package var files: (certificate: String, key: String)? {
    guard let certificate, let key else { return nil }
    return (certificate, key)
  }
}
