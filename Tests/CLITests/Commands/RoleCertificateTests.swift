import Foundation
import GatewayModel
import Testing

@testable import sallyport

/// Client certificates of roles are checked before they are sealed, and no message holds a key.
struct RoleCertificateTests {
  private func read(
    _ files: CertificateFiles, _ chain: String, _ key: String, role: String = "app",
    now: Date = Date()
  ) throws(CLIFailure) -> RoleCertificate {
    let sources = (chain: files.path(chain), key: files.path(key))
    let read = try RoleCertificates.read([role: sources], now: now)
    guard let certificate = read[role] else { throw CLIFailure(.failed, "not read") }
    return certificate
  }

  private func refusal(
    _ files: CertificateFiles, _ chain: String, _ key: String, now: Date = Date()
  ) throws -> String {
    let failure = #expect(throws: CLIFailure.self) { try read(files, chain, key, now: now) }
    let failed = try #require(failure)
    #expect(failed.remedy?.isEmpty == false)
    let shown = failed.message + (failed.remedy ?? "")
    for block in PEMBlocks((try? files.text(key)) ?? "").blocks {
      for line in block.text.split(separator: "\n").dropFirst().dropLast() {
        #expect(!shown.contains(line))
      }
    }
    return failed.message
  }

  @Test func everyUsualKindOfKeyIsTaken() throws {
    let files = try CertificateFiles()
    for (name, key) in [
      ("ec", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"]),
      ("ed", ["-newkey", "ed25519"]), ("rsa", ["-newkey", "rsa:2048"]),
    ] {
      try files.issue(name, subject: "/CN=app", key: key)
      let read = try read(files, "\(name).crt", "\(name).key")
      #expect(read.warnings.isEmpty, "\(name)")
      #expect(read.certificate.chainPEM == (try files.text("\(name).crt")), "\(name)")
      #expect(read.certificate.keyPEM == Secret(text: try files.text("\(name).key")), "\(name)")
    }
    for (name, command) in [("rsa", "rsa"), ("ec", "ec")] {
      try files.openssl(
        [command, "-in", files.path("\(name).key"), "-out", files.path("old.key")]
          + (command == "rsa" ? ["-traditional"] : []))
      #expect(try files.text("old.key").contains("\(command.uppercased()) PRIVATE KEY"))
      #expect(throws: Never.self) { try read(files, "\(name).crt", "old.key") }
    }
  }

  @Test func onlyWhatIsNeededIsSealed() throws {
    let files = try CertificateFiles()
    try files.issue("app", subject: "/CN=app")
    try files.issue("ca", subject: "/CN=ca")
    let (leaf, key, authority) = (
      try files.text("app.crt"), try files.text("app.key"), try files.text("ca.crt")
    )
    let all =
      "Subject: CN = app\r\n"
      + (leaf + "notes\n" + key + authority)
      .replacing("\n", with: "\r\n")
    _ = try files.write(all, "all.pem")
    let read = try read(files, "all.pem", "all.pem")
    #expect(read.certificate.chainPEM == leaf + authority)
    #expect(read.certificate.keyPEM == Secret(text: key))
  }

  @Test func whatCannotWorkIsRefused() throws {
    let files = try CertificateFiles()
    try files.issue("app", subject: "/CN=app")
    try files.issue("other", subject: "/CN=app")
    let (key, leaf) = (try files.text("app.key"), try files.text("app.crt"))
    #expect(try refusal(files, "none.crt", "app.key").contains("No such file"))
    #expect(try refusal(files, "app.crt", "none.key").contains("No such file"))
    #expect(try refusal(files, "app.key", "app.key").contains("holds no certificate"))
    #expect(try refusal(files, "app.crt", "app.crt").contains("holds no private key"))
    #expect(
      try refusal(files, "app.crt", "other.key").contains("does not belong to the first"))
    _ = try files.write(key + key, "two.key")
    #expect(try refusal(files, "app.crt", "two.key").contains("holds 2 private keys"))
    _ = try files.write(
      leaf + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "bad.crt")
    #expect(try refusal(files, "bad.crt", "app.key").contains("number 2"))
    _ = try files.write(
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n", "bad.key")
    #expect(try refusal(files, "app.crt", "bad.key").contains("cannot be read"))
    _ = try files.write(String(leaf.dropLast(30)), "cut.crt")
    #expect(try refusal(files, "cut.crt", "app.key").contains("holds no certificate"))
  }

  @Test func anEncryptedKeyIsNamedAsSuch() throws {
    let files = try CertificateFiles()
    try files.issue("app", subject: "/CN=app")
    try files.openssl([
      "pkcs8", "-topk8", "-in", files.path("app.key"), "-passout", "pass:secret", "-out",
      files.path("new.key"),
    ])
    try files.openssl([
      "ec", "-in", files.path("app.key"), "-aes128", "-passout", "pass:secret", "-out",
      files.path("old.key"),
    ])
    #expect(try files.text("old.key").contains("Proc-Type: 4,ENCRYPTED"))
    for key in ["new.key", "old.key"] {
      #expect(try refusal(files, "app.crt", key).contains("encrypted with a passphrase"))
    }
  }

  @Test func filesAreBounded() throws {
    let files = try CertificateFiles()
    try files.issue("app", subject: "/CN=app")
    let room = ClientCertificate.maximumBytes
    for name in ["app.crt", "app.key"] {
      let text = try files.text(name)
      let filler = String(repeating: "x", count: room - text.utf8.count - 1) + "\n"
      _ = try files.write(filler + text, name)
    }
    #expect(throws: Never.self) { try read(files, "app.crt", "app.key") }
    _ = try files.write("x" + files.text("app.crt"), "long.crt")
    _ = try files.write("x" + files.text("app.key"), "long.key")
    #expect(try refusal(files, "long.crt", "app.key").contains("over 65536 bytes"))
    #expect(try refusal(files, "app.crt", "long.key").contains("over 65536 bytes"))
  }

  @Test func whatMayBeAMistakeIsSaid() throws {
    let files = try CertificateFiles()
    try files.issue("app", subject: "/CN=app")
    try files.issue("other", subject: "/O=Acme/CN=billing")
    try files.issue("nameless", subject: "/O=Acme")
    let day = 86_400.0
    #expect(
      try refusal(files, "app.crt", "app.key", now: Date(timeIntervalSinceNow: 101 * day))
        .contains("expired at 20"))
    let soon = try read(files, "app.crt", "app.key", now: Date(timeIntervalSinceNow: 90 * day))
    #expect(soon.warnings.count == 1 && soon.warnings[0].contains("expires at"))
    let early = try read(files, "app.crt", "app.key", now: Date(timeIntervalSinceNow: -day))
    #expect(early.warnings.count == 1 && early.warnings[0].contains("not valid before"))
    let other = try read(files, "other.crt", "other.key")
    #expect(other.warnings.count == 1 && other.warnings[0].contains("is for \"billing\""))
    let nameless = try read(files, "nameless.crt", "nameless.key")
    #expect(nameless.warnings.count == 1 && nameless.warnings[0].contains("no common name"))
  }

  // MARK: Arguments

  private static let base = ["orders", "--segment", "prod", "--database", "shop"]

  private func certificates(
    _ arguments: [String], host: String = "db.internal"
  ) throws -> [String: RoleCertificate] {
    let command = try AddConnection.parse(Self.base + ["--host", host] + arguments)
    return try command.certificates(for: command.draft())
  }

  @Test func filesBelongToTheirRole() throws {
    let files = try CertificateFiles()
    try files.issue("app", subject: "/CN=app")
    let (chain, key) = (files.path("app.crt"), files.path("app.key"))
    let one = try certificates(["--role", "app", "--sslcert", chain, "--sslkey", key])
    #expect(Array(one.keys) == ["app"])
    let two = try certificates([
      "--role", "reader", "--role", "app", "--sslcert", "app=\(chain)", "--sslkey", "app=\(key)",
    ])
    #expect(Array(two.keys) == ["app"])
    #expect(try certificates(["--role", "app"]).isEmpty)
    let command = try AddConnection.parse([
      "orders", "postgresql://app@db/shop?sslcert=\(chain)&sslkey=\(key)", "--segment", "prod",
    ])
    #expect(try Array(command.certificates(for: command.draft()).keys) == ["app"])
  }

  @Test func argumentsThatDoNotFitAreRefused() throws {
    let files = try CertificateFiles()
    try files.issue("app", subject: "/CN=app")
    let pair = ["--sslcert", files.path("app.crt"), "--sslkey", files.path("app.key")]
    func refusal(_ arguments: [String], host: String = "db.internal") throws -> String {
      let failure = #expect(throws: CLIFailure.self) { try certificates(arguments, host: host) }
      #expect(failure?.status == .usage)
      return try #require(failure).message
    }
    let app = ["--role", "app"]
    #expect(try refusal(app + pair + ["--tls", "disable"]).contains("--tls disable"))
    #expect(try refusal(app + pair, host: "/run/postgresql").contains("Unix socket"))
    #expect(try refusal(app + pair.prefix(2)).contains("private key"))
    #expect(try refusal(app + pair.suffix(2)).contains("certificate for the private key"))
    #expect(try refusal(app + pair + pair.prefix(2)).contains("given twice"))
    #expect(try refusal(app + ["--role", "reader"] + pair).contains("none of the roles"))
    let command = try AddConnection.parse(
      ["orders", "postgresql://db/shop?sslcert=x", "--segment", "prod"] + app)
    let failure = #expect(throws: CLIFailure.self) {
      try command.certificates(for: command.draft())
    }
    #expect(failure?.message.contains("no role") == true)
  }

  @Test func aRoleWithACertificateIsAskedForNoPassword() throws {
    let files = try CertificateFiles()
    let password = try files.write("hunter2\n", "app.pw")
    let passwords = try RolePasswords.parse(["--password-file", "app=\(password)"])
    let read = try passwords.read(for: ["app", "batch"], certified: ["app", "batch"])
    #expect(read == ["app": Secret(text: "hunter2")])
  }
}
