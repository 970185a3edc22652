import APIModel
import ControlCore
import Foundation
import GatewayModel
import Testing

@Suite struct DraftTests {
  private func refusal(
    _ change: (inout ConnectionDraft) -> Void
  ) async throws -> ControlError? {
    let plane = try await Plane()
    var draft = Plane.draft()
    change(&draft)
    do {
      _ = try await plane.plane.connections.add(draft, by: plane.caller)
      return nil
    } catch {
      return error
    }
  }

  @Test func goodConnectionIsTakenAndShown() async throws {
    let plane = try await Plane()
    let agent = try await plane.enrol()
    var draft = Plane.draft()
    draft.labels = ["env": "prod"]
    draft.roles.append(
      RoleDraft(
        name: "readonly",
        credentials: [
          SealedCredentialDraft(
            agentID: agent.agentID,
            encapsulatedKey: Data(repeating: 1, count: 32).base64EncodedString(),
            ciphertext: "AAAA")
        ]))
    let info = try await plane.plane.connections.add(draft, by: plane.caller)
    #expect(info.roles.map(\.credentialMissingAt) == [[agent.agentID], []])
    #expect(info.agents.map(\.clientAddress) == ["gateway.example.com:5432"])
    #expect(try await plane.plane.connections.show("orders", by: plane.caller) == info)
    #expect(try await plane.plane.connections.list(by: plane.caller) == [info])
    try await plane.plane.connections.remove("orders", by: plane.caller)
    let gone = await #expect(throws: ControlError.self) {
      try await plane.plane.connections.remove("orders", by: plane.caller)
    }
    #expect(gone?.code == .notFound)
  }

  /// A draft with these kinds of credentials at agents of the segment, one at each.
  private func draft(_ kinds: [String?], _ agents: [String]) -> ConnectionDraft {
    var draft = Plane.draft()
    draft.tls = "verify-full"
    draft.replace = true
    draft.roles[0].credentials = zip(kinds, agents).map { kind, agent in
      SealedCredentialDraft(
        agentID: agent, encapsulatedKey: Data(repeating: 1, count: 32).base64EncodedString(),
        ciphertext: "AAAA", kind: kind)
    }
    return draft
  }

  @Test func aRolesCredentialIsOfOneKindThatIsShown() async throws {
    let plane = try await Plane()
    let agents = [try await plane.enrol().agentID, try await plane.enrol().agentID]
    for kinds in [
      [nil, "password"], ["certificate", "certificate"],
      ["certificate+password", "certificate+password"],
    ] {
      let info = try await plane.plane.connections.add(draft(kinds, agents), by: plane.caller)
      #expect(info.roles.map(\.credential) == [kinds[1]])
    }
    #expect(
      try await plane.plane.connections.add(draft([], agents), by: plane.caller)
        .roles.map(\.credential) == [nil])
    func refusal(_ change: (inout ConnectionDraft) -> Void) async -> String? {
      var draft = draft(["certificate", "certificate"], agents)
      change(&draft)
      do {
        _ = try await plane.plane.connections.add(draft, by: plane.caller)
        return nil
      } catch {
        #expect(error.code == .invalid)
        return error.message
      }
    }
    let field = "roles.credentials"
    #expect(
      await refusal { $0.roles[0].credentials[0].kind = nil }?.hasPrefix("\(field).kind") == true)
    #expect(
      await refusal { $0.roles[0].credentials[0].kind = "key" }?.contains("\"key\"") == true)
    #expect(await refusal { $0.tls = "disable" }?.contains("no TLS") == true)
    #expect(await refusal { $0.host = "/run/postgresql" }?.contains("no TLS") == true)
    #expect(await refusal { $0.tls = "require" } == nil)
  }

  @Test func sealedCredentialsAreBounded() async throws {
    let plane = try await Plane()
    let agent = try await plane.enrol().agentID
    func isTaken(_ kind: String?, kilobytes: Int, more: Int = 0) async -> Bool {
      var draft = draft([kind], [agent])
      draft.roles[0].credentials[0].ciphertext = String(
        repeating: "A", count: kilobytes * 1024 + more)
      return (try? await plane.plane.connections.add(draft, by: plane.caller)) != nil
    }
    #expect(await isTaken(nil, kilobytes: 8))
    #expect(await !isTaken(nil, kilobytes: 8, more: 4))
    #expect(await isTaken("certificate", kilobytes: 184))
    #expect(await !isTaken("certificate", kilobytes: 184, more: 4))
  }

  @Test func rowsAreLimitedWithinReason() async throws {
    let plane = try await Plane()
    var draft = Plane.draft()
    draft.replace = true
    for rows in [nil, 1, 2_147_483_647] {
      draft.maximumRows = rows
      let info = try await plane.plane.connections.add(draft, by: plane.caller)
      #expect(info.maximumRows == rows)
    }
    for rows in [0, -1, 2_147_483_648, .max, .min] {
      draft.maximumRows = rows
      let failure = await #expect(throws: ControlError.self) {
        try await plane.plane.connections.add(draft, by: plane.caller)
      }
      #expect(failure?.message == "maximumRows: \"\(rows)\" cannot be used.")
    }
  }

  @Test func aDurabilityIsOneOfTwo() async throws {
    let plane = try await Plane()
    var draft = Plane.draft()
    draft.replace = true
    let cases: [(String?, String?)] = [
      (nil, nil), ("crash-safe", nil), ("power-safe", "power-safe"),
    ]
    for (asked, given) in cases {
      draft.durability = asked
      let info = try await plane.plane.connections.add(draft, by: plane.caller)
      #expect(info.durability == given)
    }
    for asked in ["", "Power-Safe", "powerSafe", "none"] {
      draft.durability = asked
      let failure = await #expect(throws: ControlError.self) {
        try await plane.plane.connections.add(draft, by: plane.caller)
      }
      #expect(failure?.message == "durability: \"\(asked)\" cannot be used.")
    }
  }

  @Test func functionCallsAreAllowedByNameOnly() async throws {
    let plane = try await Plane()
    _ = try await plane.enrol()
    for (asked, given) in [(nil, nil), (false, nil), (true, true)] as [(Bool?, Bool?)] {
      var draft = Plane.draft()
      draft.allowsFunctionCalls = asked
      draft.replace = true
      let info = try await plane.plane.connections.add(draft, by: plane.caller)
      #expect(info.allowsFunctionCalls == given)
    }
  }

  @Test func everyFieldOfAConnectionIsChecked() async throws {
    let cases: [(String, (inout ConnectionDraft) -> Void)] = [
      ("name", { $0.name = "Orders" }), ("name", { $0.name = "" }),
      ("name", { $0.name = "-x" }), ("name", { $0.name = String(repeating: "a", count: 64) }),
      ("segment", { $0.segment = "a b" }), ("host", { $0.host = "" }),
      ("host", { $0.host = "a/b" }),
      ("host", { $0.host = "/" + String(repeating: "a", count: 99) }),
      ("port", { $0.port = 0 }), ("port", { $0.port = 65536 }), ("port", { $0.port = -1 }),
      ("database", { $0.database = "" }), ("database", { $0.database = "a\u{0}b" }),
      ("tls", { $0.tls = "prefer" }), ("authoritiesPEM", { $0.authoritiesPEM = "x" }),
      (
        "authoritiesPEM",
        {
          $0.tls = "verify-full"
          $0.authoritiesPEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
        }
      ),
      ("labels", { $0.labels = ["Bad Key": "x"] }),
      ("labels.env", { $0.labels = ["env": "a\nb"] }),
      ("roles", { $0.roles = [] }), ("roles.name", { $0.roles[0].name = "" }),
      ("roles.name", { $0.roles += $0.roles }),
      (
        "roles.credentials.agentID",
        {
          $0.roles[0].credentials = [
            SealedCredentialDraft(agentID: "x", encapsulatedKey: "", ciphertext: "")
          ]
        }
      ),
    ]
    for (field, change) in cases {
      let error = try await refusal(change)
      #expect(error?.code == .invalid, "\(field)")
      #expect(error?.message.hasPrefix(field + ":") == true, "\(error?.message ?? "none")")
      #expect(error?.remedy?.isEmpty == false, "\(field)")
    }
    #expect(try await refusal { $0.host = "/var/run/postgresql" } == nil)
  }

  @Test func everyFieldOfAGrantIsChecked() async throws {
    let plane = try await Plane()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    func refusal(
      name: String? = nil, principal: String? = nil, group: String? = nil,
      connection: String = "orders", role: String = "app", effects: [String]? = nil,
      rows: Int? = nil
    ) async -> String? {
      do {
        _ = try await plane.plane.grants.add(
          GrantDraft(
            name: name, principal: principal, group: group, connection: connection, role: role,
            effects: effects, maximumRows: rows),
          by: plane.caller)
        return nil
      } catch {
        return error.message
      }
    }
    #expect(await refusal()?.hasPrefix("principal, group") == true)
    #expect(await refusal(principal: "a", group: "b")?.hasPrefix("principal, group") == true)
    #expect(await refusal(principal: "a\nb")?.hasPrefix("principal") == true)
    #expect(await refusal(name: "No", group: "b")?.hasPrefix("name") == true)
    #expect(await refusal(group: "b", connection: "B")?.hasPrefix("connection") == true)
    #expect(await refusal(group: "b", role: "")?.hasPrefix("role") == true)
    #expect(await refusal(group: "b", connection: "other")?.contains("no connection") == true)
    #expect(await refusal(group: "b", role: "none")?.contains("no database role") == true)
    // In a policy a star would stand for others too.
    #expect(await refusal(group: "b*")?.hasPrefix("group: \"b*\" has a star") == true)
    #expect(await refusal(principal: "*")?.hasPrefix("principal: \"*\" has a star") == true)
    #expect(
      await refusal(name: String(repeating: "n", count: 58), group: "b")?.hasPrefix("name")
        == true)
    #expect(await refusal(group: "b", effects: ["reed"])?.hasPrefix("effects: \"reed\"") == true)
    #expect(await refusal(group: "b", effects: ["setting"])?.hasPrefix("effects") == true)
    #expect(await refusal(group: "b", effects: [])?.hasPrefix("effects") == true)
    #expect(await refusal(group: "b", rows: 0)?.hasPrefix("maximumRows") == true)
    #expect(try await plane.plane.grants.list(by: plane.caller).isEmpty)
    #expect(await refusal(principal: "Ålice@Example.com") == nil)
    let names = try await plane.plane.grants.list(by: plane.caller).map(\.name)
    #expect(names == ["lice-example.com-orders-app"])
  }

  @Test func everyFieldOfATokenRequestIsChecked() async throws {
    let plane = try await Plane()
    _ = try await plane.plane.connections.add(Plane.draft(), by: plane.caller)
    func refusal(_ change: (inout TokenRequest) -> Void) async -> ControlError? {
      var request = TokenRequest(
        subject: "alice@example.com", displayName: nil, groups: ["dba"], kind: "user",
        connections: ["orders"], lifetimeSeconds: 900)
      change(&request)
      do {
        _ = try await plane.plane.tokens.issue(request, by: plane.caller)
        return nil
      } catch {
        return error
      }
    }
    #expect(await refusal { _ in } == nil)
    #expect(await refusal { $0.subject = "" }?.message.hasPrefix("subject") == true)
    #expect(await refusal { $0.kind = "robot" }?.message.hasPrefix("kind") == true)
    #expect(await refusal { $0.lifetimeSeconds = 901 }?.message.hasPrefix("lifetime") == true)
    #expect(await refusal { $0.lifetimeSeconds = 0 }?.message.hasPrefix("lifetime") == true)
    #expect(await refusal { $0.connections = [] }?.message.hasPrefix("connections") == true)
    #expect(await refusal { $0.connections = ["x"] }?.code == .notFound)
    #expect(await refusal { $0.groups = ["a\u{7}"] }?.message.hasPrefix("groups") == true)
  }

  @Test func everyFilterIsChecked() async throws {
    let plane = try await Plane()
    func refusal(_ filter: StatementFilter) async -> String? {
      do {
        _ = try await plane.plane.audit.statements(filter, by: plane.caller)
        return nil
      } catch {
        return error.message
      }
    }
    #expect(await refusal(StatementFilter(agent: "xyz"))?.hasPrefix("agent") == true)
    #expect(await refusal(StatementFilter(session: "12"))?.hasPrefix("session") == true)
    #expect(await refusal(StatementFilter(since: "yesterday"))?.hasPrefix("since") == true)
    #expect(await refusal(StatementFilter(until: "2026-01-01"))?.hasPrefix("until") == true)
    #expect(await refusal(StatementFilter(outcome: ["running"]))?.hasPrefix("outcome") == true)
    #expect(await refusal(StatementFilter(order: "random"))?.hasPrefix("order") == true)
    #expect(await refusal(StatementFilter(observed: "yes"))?.hasPrefix("observed") == true)
    #expect(await refusal(StatementFilter(stale: "yes"))?.hasPrefix("stale") == true)
    #expect(await refusal(StatementFilter(limit: 0))?.hasPrefix("limit") == true)
    #expect(await refusal(StatementFilter(limit: 1001))?.hasPrefix("limit") == true)
    #expect(await refusal(StatementFilter(words: " delete\torders ", order: "oldest")) == nil)
    #expect(await refusal(StatementFilter(observed: "false", stale: "true")) == nil)
    let flags = plane.store.state.withLock { $0.statementQueries.last }
    #expect(flags?.staleOnly == true && flags?.observedOnly == false)
    #expect(await refusal(StatementFilter(words: " delete\torders ", order: "oldest")) == nil)
    let query = plane.store.state.withLock { $0.statementQueries.last }
    #expect(query?.words == ["delete", "orders"])
    #expect(query?.order == .oldest)
    #expect(query?.limit == 100)
  }

  @Test func unusableBatchesAreRefused() async throws {
    let plane = try await Plane()
    let log = LogID(agent: AgentID(Identifier128(high: 0, low: 1)), epoch: 1, lane: 0)
    func refusal(_ from: UInt64, _ records: [Data]) async -> ControlError.Code? {
      do {
        _ = try await plane.plane.audit.ingest(
          ShippedBatch(log: log, fromSeq: from, records: records, checkpoint: Data(), auditKey: []))
        return nil
      } catch {
        return error.code
      }
    }
    // Asks where to go on.
    #expect(await refusal(0, []) == nil)
    #expect(await refusal(.max, [Data([1])]) == .invalid)
    #expect(await refusal(0, [Data(count: AuditService.maximumBatchBytes + 1)]) == .invalid)
    #expect(await refusal(0, [Data([1])]) == nil)
    // What one message of the link brings is never too large, and what it cannot bring is.
    #expect(await refusal(0, [Data(count: SizeLimits.linkMessageBytes)]) == nil)
    #expect(await refusal(0, [Data(count: SizeLimits.linkMessageBytes + 1)]) == .invalid)
  }
}
