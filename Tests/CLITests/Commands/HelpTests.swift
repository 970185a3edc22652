import ArgumentParser
import Testing

@testable import sallyport

struct HelpTests {
  private static func leaves(
    of command: any ParsableCommand.Type
  ) -> [any ParsableCommand.Type] {
    let children = command.configuration.subcommands
    return children.isEmpty ? [command] : children.flatMap { leaves(of: $0) }
  }

  @Test func everyCommandSaysWhatItDoesWithAnExample() {
    let leaves = Self.leaves(of: Sallyport.self)
    #expect(leaves.count >= 20)
    for leaf in leaves {
      let name = leaf.configuration.commandName ?? "\(leaf)"
      #expect(!leaf.configuration.abstract.isEmpty, "\(name) says nothing of itself")
      #expect(leaf.configuration.discussion.contains("sallyport "), "\(name) has no example")
    }
  }

  @Test func listingsHaveATableAndJSON() throws {
    for arguments in [
      ["connections", "list"], ["connections", "show", "x"], ["connections", "test", "x"],
      ["agents", "list"], ["agents", "show", "x"], ["grants", "list"], ["sessions", "list"],
      ["sessions", "show", "x"], ["status"], ["policy", "apply", "f"], ["policy", "diff", "f"],
      ["policy", "history"], ["policy", "show"], ["policy", "rollback", "1"],
      ["policy", "lint", "f"], ["policy", "test", "f"],
      ["policy", "explain", "--as", "a", "--connection", "c", "select 1"],
    ] {
      #expect(throws: Never.self) {
        _ = try Sallyport.parseAsRoot(arguments + ["--format", "json"])
        _ = try Sallyport.parseAsRoot(arguments + ["--format", "table"])
      }
    }
  }

  @Test func theClientsArgumentsAreItsOwn() throws {
    let parsed = try Sallyport.parseAsRoot(
      ["connect", "orders", "--token-file", "t", "--", "-c", "select 1", "--help"])
    let connect = try #require(parsed as? Connect)
    #expect(connect.arguments == ["-c", "select 1", "--help"])
    #expect(connect.exec == "psql")
  }
}
