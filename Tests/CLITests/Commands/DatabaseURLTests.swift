import Testing

@testable import sallyport

struct DatabaseURLTests {
  @Test func readsAllParts() throws {
    let url = try DatabaseURL(
      "postgresql://app%40x@db.internal:6543/shop%20eu?sslmode=require&sslrootcert=/ca.pem")
    #expect(url.role == "app@x")
    #expect(url.host == "db.internal")
    #expect(url.port == 6543)
    #expect(url.database == "shop eu")
    #expect(url.tls == "require")
    #expect(url.authoritiesFile == "/ca.pem")
  }

  @Test func partsMayBeAbsent() throws {
    let url = try DatabaseURL("postgres://db.internal")
    #expect(url.host == "db.internal")
    #expect(url.role == nil && url.port == nil && url.database == nil && url.tls == nil)
    #expect(try DatabaseURL("postgresql://app@[fd00::1]:5432/x").host == "fd00::1")
    #expect(try DatabaseURL("postgresql://app@%2Fvar%2Frun/x").host == "/var/run")
    #expect(try DatabaseURL("postgresql:///x?host=/var/run").host == "/var/run")
  }

  @Test(arguments: [
    "postgresql://app:hunter2@db/x", "postgresql://app@db/x?password=hunter2",
    "mysql://app@db/x", "db.internal", "postgresql://a,b/x", "postgresql://db/x?options=-c",
  ])
  func refusesOthersAndShowsNoPassword(text: String) {
    let failure = #expect(throws: CLIFailure.self) { try DatabaseURL(text) }
    #expect(failure?.status == .usage)
    #expect(failure?.remedy != nil)
    #expect("\(String(describing: failure))".contains("hunter2") == false)
  }
}

struct AddConnectionTests {
  @Test func aURLIsEnough() throws {
    let command = try AddConnection.parse([
      "orders", "postgresql://app@db.internal/shop", "--segment", "eu", "--label", "a=b=c",
      "--role", "readonly",
    ])
    let draft = try command.draft()
    #expect(draft.name == "orders")
    #expect(draft.host == "db.internal")
    #expect(draft.port == 5432)
    #expect(draft.database == "shop")
    #expect(draft.tls == "verify-full")
    #expect(draft.roles.map(\.name) == ["app", "readonly"])
    #expect(draft.labels == ["a": "b=c"])
    #expect(!draft.replace && draft.allowsFunctionCalls == nil && draft.maximumRows == nil)
    #expect(draft.durability == nil)
  }

  @Test func aDurabilityIsGivenByName() throws {
    let arguments = ["orders", "postgresql://app@db/shop", "--segment", "eu", "--durability"]
    #expect(
      try AddConnection.parse(arguments + ["power-safe"]).draft().durability == "power-safe")
    let failure = #expect(throws: CLIFailure.self) {
      try AddConnection.parse(arguments + ["powersafe"]).draft()
    }
    #expect(failure?.remedy == "choose crash-safe or power-safe")
  }

  @Test func optionsGoBeforeTheURL() throws {
    let draft = try AddConnection.parse([
      "orders", "postgresql://app@db/shop?sslmode=require", "--segment", "eu", "--host", "other",
      "--port", "1", "--database", "d", "--tls", "disable", "--allow-function-calls",
      "--max-rows", "2147483647",
    ]).draft()
    #expect(draft.allowsFunctionCalls == true)
    #expect(draft.maximumRows == 2_147_483_647)
    #expect(draft.host == "other" && draft.port == 1 && draft.database == "d")
    #expect(draft.tls == "disable")
  }

  @Test(arguments: [
    ["orders", "--segment", "eu", "--host", "db", "--database", "d"],
    ["orders", "--segment", "eu", "--database", "d", "--role", "r"],
    ["orders", "--segment", "eu", "--host", "db", "--role", "r"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--tls", "prefer"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--port", "65536"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--role", "r", "--role", "r"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--label", "novalue"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--max-rows", "0"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--max-rows", "2147483648"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--ca-file", "/nonexistent"],
    ["orders", "postgresql://a@db/d", "--segment", "eu", "--ca-file", "/etc/passwd"],
  ])
  func refusesWhatIsIncomplete(arguments: [String]) throws {
    let command = try AddConnection.parse(arguments)
    let failure = #expect(throws: CLIFailure.self) { try command.draft() }
    #expect(failure?.remedy != nil)
  }

  @Test func filesNameTheirRole() throws {
    func split(_ argument: String, _ roles: [String]) throws -> (role: String, file: String) {
      try RoleFile.split(argument, option: "--sslcert", roles: roles)
    }
    let two = ["app", "app=x"]
    #expect(try split("app=x=file", ["app=x"]).file == "file")
    #expect(try split("app=file", two).role == "app")
    #expect(try split("file", ["app"]).role == "app")
    #expect(throws: CLIFailure.self) { try split("file", two) }
    let failure = #expect(throws: CLIFailure.self) { try split("other=file", ["app"]) }
    #expect(failure?.message.hasPrefix("--sslcert \"other=file\"") == true)
  }

  @Test func standardInputHasALineForEachRole() throws {
    let assigned = try RolePasswords.assign("one\r\ntwo\n\n", to: ["a", "b"])
    #expect(assigned.map(\.0) == ["a", "b"])
    #expect(assigned.map(\.1) == ["one", "two"])
    #expect(throws: CLIFailure.self) { try RolePasswords.assign("one\n", to: ["a", "b"]) }
    #expect(throws: CLIFailure.self) { try RolePasswords.assign("\none\n", to: ["a", "b"]) }
    let failure = #expect(throws: CLIFailure.self) {
      try RolePasswords.assign("hunter2\nhunter3", to: ["a"])
    }
    #expect(failure?.message.contains("hunter") == false)
  }
}
