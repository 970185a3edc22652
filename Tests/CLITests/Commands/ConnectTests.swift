import APIModel
import Foundation
import Testing

@testable import sallyport

struct ConnectTests {
  private func connection(_ agents: [ServingAgent]) -> ConnectionInfo {
    ConnectionInfo(
      id: "i", name: "orders", segment: "eu", host: "db", port: 5432, database: "shop",
      tls: "verify-full", labels: [:], roles: [], createdAt: "", agents: agents)
  }

  @Test func anAgentThatIsOnlineIsTaken() throws {
    let agents = [
      ServingAgent(id: "a1", clientAddress: "one:1", link: "offline"),
      ServingAgent(id: "b2", clientAddress: "[fd00::1]:2", link: "online"),
    ]
    #expect(
      try Connect.address(of: connection(agents), agent: nil) == ClientAddress("[fd00::1]:2"))
    #expect(try Connect.address(of: connection(agents), agent: "a").host == "one")
  }

  @Test func withoutAnAgentItSaysWhatToDo() {
    let offline = [ServingAgent(id: "a1", clientAddress: "one:1", link: "offline")]
    for (agents, agent, status) in [
      ([], nil, CLIExit.notFound), (offline, nil, .unavailable), (offline, "zz", .notFound),
    ] as [([ServingAgent], String?, CLIExit)] {
      let failure = #expect(throws: CLIFailure.self) {
        try Connect.address(of: connection(agents), agent: agent)
      }
      #expect(failure?.status == status)
      #expect(failure?.remedy != nil)
    }
  }

  @Test(arguments: ["", "host", "host:", ":1", "host:0", "host:65536", "[]:1", "host:x"])
  func badAddressesAreRefused(text: String) { #expect(ClientAddress(text) == nil) }

  @Test func theEnvironmentHasNoSecretAndNoDetour() {
    let client = ClientEnvironment(
      host: "gw", port: 6432, connection: "orders", user: "alice@example.com",
      passwordFile: "/p", authorityFile: "/a")
    let variables = client.variables(from: [
      "PATH": "/bin", "PGPASSWORD": "hunter2", "PGHOSTADDR": "1.2.3.4", "PGSERVICE": "x",
      "PGSSLMODE": "disable", "SALLYPORT_API_TOKEN": "spt_x",
    ])
    #expect(
      variables == [
        "PATH": "/bin", "PGHOST": "gw", "PGPORT": "6432", "PGDATABASE": "orders",
        "PGUSER": "alice@example.com", "PGPASSFILE": "/p", "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/a", "PGGSSENCMODE": "disable",
      ])
  }

  @Test func thePasswordLineIsEscapedAndForOneServer() {
    #expect(
      ClientEnvironment.passwordLine(host: "fd00::1", port: 1, token: #"a:b\c"#)
        == #"fd00\:\:1:1:*:*:a\:b\\c"# + "\n")
  }

  @Test func aTokenTellsItsSubject() {
    // {"sub":"älice?","aud":"orders"}
    let token = "e30.eyJzdWIiOiLDpGxpY2U_IiwiYXVkIjoib3JkZXJzIn0.sig"
    #expect(SessionTokenClaims(token: token)?.sub == "älice?")
    for bad in ["", "a.b", "a.b.c", "a.e30.c", "...."] {
      #expect(SessionTokenClaims(token: bad) == nil)
    }
  }

  @Test func theFolderIsPrivateAndGoes() throws {
    let scratch = try ScratchFolder()
    let folder = try PrivateFolder(environment: ["XDG_RUNTIME_DIR": scratch.path])
    #expect(folder.path.hasPrefix(scratch.path))
    let file = try folder.write("secret", to: "password")
    for (path, mode) in [(folder.path, 0o700), (file, 0o600)] {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == mode)
    }
    folder.remove()
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test(arguments: [
    ("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 128 + 15), ("kill -INT $$", 130),
  ])
  func theExitCodeIsPassedOn(script: String, code: Int32) async throws {
    #expect(
      try await ClientProgram.run(["sh", "-c", script], environment: ["PATH": "/bin"]) == code)
  }

  @Test func theClientSeesItsEnvironmentAlone() async throws {
    let script = "test \"$A\" = b && test -z \"$HOME\""
    #expect(
      try await ClientProgram.run(
        ["sh", "-c", script], environment: ["PATH": "/bin", "A": "b"]) == 0)
  }

  @Test func aMissingClientIsNamed() async {
    let failure = await #expect(throws: CLIFailure.self) {
      try await ClientProgram.run(["no-such-client-here"], environment: ["PATH": "/bin"])
    }
    #expect(failure?.message.contains("no-such-client-here") == true)
    #expect(failure?.remedy != nil)
  }
}
