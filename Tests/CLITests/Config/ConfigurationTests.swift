import Foundation
import GatewayModel
import Testing

@testable import sallyport

/// A scratch folder that is removed with its owner.
final class ScratchFolder {
  let path: String
  init() throws {
    path = NSTemporaryDirectory() + "sallyport-cli-tests-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    return file
  }
}

struct ConfigurationTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func configuration(_ server: String) throws -> ClientConfiguration {
    ClientConfiguration(
      server: try ServerAddress(server, named: "test"), serverTrust: .authority,
      authorityPEM: "PEM", apiToken: Secret(text: "spt_secret"))
  }

  private func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.posixPermissions] as? Int)
  }

  @Test func isStoredForItsOwnerAlone() throws {
    let source = ConfigurationSource(environment: ["XDG_CONFIG_HOME": scratch.path])
    let old = umask(0)
    defer { umask(old) }
    try source.save(try configuration("https://a.example:8443"))
    #expect(source.path == "\(scratch.path)/sallyport/config.json")
    #expect(try mode(source.path) == 0o600)
    #expect(try mode("\(scratch.path)/sallyport") == 0o700)
    #expect(try source.load() == configuration("https://a.example:8443"))
  }

  @Test func closesAFileThatWasOpen() throws {
    let file = try scratch.file("config.json", "{}", mode: 0o644)
    try ConfigurationSource(environment: ["SALLYPORT_CONFIG": file])
      .save(try configuration("https://a.example"))
    #expect(try mode(file) == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["config.json"])
  }

  @Test func refusesAFileOpenToOthers() throws {
    let file = try scratch.file("config.json", "{}", mode: 0o640)
    let failure = #expect(throws: CLIFailure.self) {
      try ConfigurationSource(environment: ["SALLYPORT_CONFIG": file]).load()
    }
    #expect(failure?.status == .configuration)
    #expect(failure?.remedy?.contains("chmod 600") == true)
  }

  @Test func sendsNothingOfOneServerToAnother() throws {
    let file = "\(scratch.path)/config.json"
    var environment = ["SALLYPORT_CONFIG": file]
    try ConfigurationSource(environment: environment)
      .save(try configuration("https://a.example:8443"))
    environment["SALLYPORT_SERVER"] = "https://b.example:8443"
    let other = try ConfigurationSource(environment: environment).load()
    #expect(other.apiToken == nil)
    #expect(other.authorityPEM == nil)
    #expect(other.serverTrust == .system)
    environment["SALLYPORT_SERVER"] = "a.example:8443"
    #expect(try ConfigurationSource(environment: environment).load().apiToken?.text == "spt_secret")
  }

  @Test func environmentGoesBeforeTheFile() throws {
    let source = ConfigurationSource(environment: [
      "SALLYPORT_CONFIG": "\(scratch.path)/none.json",
      "SALLYPORT_SERVER": "https://a.example",
      "SALLYPORT_CA_FILE": try scratch.file("ca.pem", "OTHER"),
      "SALLYPORT_API_TOKEN_FILE": try scratch.file("token", "spt_file\n"),
    ])
    let loaded = try source.load()
    #expect(loaded.server.text == "https://a.example:8443")
    #expect(loaded.authorityPEM == "OTHER")
    #expect(loaded.serverTrust == .authority)
    #expect(loaded.apiToken?.text == "spt_file")
  }

  @Test func saysWhatToDoWithoutAConfiguration() throws {
    let failure = #expect(throws: CLIFailure.self) {
      try ConfigurationSource(environment: ["HOME": scratch.path]).load()
    }
    #expect(failure?.status == .configuration)
    #expect(failure?.remedy?.contains("sallyport login") == true)
  }

  @Test func showsNoTokenInItsDescription() throws {
    #expect(!"\(try configuration("https://a.example"))".contains("spt_secret"))
  }

  @Test(arguments: ["", "\n", "one\ntwo\n"])
  func aSecretIsOneLine(text: String) {
    #expect(throws: CLIFailure.self) {
      try InputFile.secret(in: text, purpose: "token", source: "file")
    }
  }

  @Test func aSecretKeepsItsSpaces() throws {
    #expect(
      try InputFile.secret(in: " pass word \r\n", purpose: "password", source: "f") == " pass word "
    )
  }

  @Test func aFileTooLongIsRefused() throws {
    let file = try scratch.file("big", String(repeating: "x", count: InputFile.maximumBytes + 1))
    #expect(throws: CLIFailure.self) { try InputFile.read(file, purpose: "the token") }
  }
}
