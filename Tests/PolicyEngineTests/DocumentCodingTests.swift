import Foundation
import GatewayModel
import Testing

@testable import PolicyEngine

/// The form of policies in bundles: what an agent does not know makes it unusable.
@Suite struct DocumentCodingTests {
  private func decode(_ json: String) throws -> PolicyDocument {
    try JSONDecoder().decode(PolicyDocument.self, from: Data(json.utf8))
  }

  private static let grant = #""name":"g","to":{"groups":["x"]},"role":"r","effects":["read"]"#

  @Test func wholeDocumentIsRead() throws {
    let document = try decode(
      #"""
      {"policy":"p","mode":"observe","on":{"connections":["a*"],"labels":{"env":"prod"}},
       "grants":[{"name":"g","message":"m","mode":"observe","to":{"users":["u"],"kinds":["ai_agent"]},
         "role":"r","effects":["all"],"functions":["f"],"tables":["public.*"],
         "when":{"times":["08:00-09:00"],"networks":["10.0.0.0/8"]},"delegation":{"max_depth":0},
         "max_rows":1,"max_statement_bytes":20000,"statement_timeout":"15s","idle_timeout":"1h",
         "max_sessions":2}],
       "rules":[{"name":"d","hint":"h","to":{"groups":["x"]},"except":{"agents":["y"]},
         "deny":{"effects":["ddl"],"opaque":true,"depth":{"min":1}}},
         {"name":"h","hold":{"unfiltered":true},"approvers":{"groups":["dba"]},"wait":"15m"},
         {"name":"a","allow":{"effects":["session"]}},
         {"name":"m","mask":{"columns":["public.c.email"],"with":"email"}}]}
      """#)
    #expect(document.grants.first?.effects == EffectList.all)
    #expect(document.grants.first?.maximumDepth == 0)
    #expect(document.rules.map(\.verb) == [.deny, .hold, .allow, .mask])
    let again = try JSONDecoder().decode(
      PolicyDocument.self, from: try JSONEncoder().encode(document))
    #expect(again == document)
  }

  @Test(arguments: [
    #"{"policy":"p","new":1}"#, #"{"policy":"p","mode":"dream"}"#, #"{"policy":"p","mode":null}"#,
    #"{"policy":"p","on":{"hosts":["a"]}}"#, #"{"policy":"p","on":{"connections":[]}}"#,
    #"{"policy":"p","grants":[{\#(grant),"only_if":true}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"max_rows":null}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"max_rows":0}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"tables":[]}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"when":{"moon":["full"]}}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"when":{"times":["sometimes"]}}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"delegation":{}}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"delegation":{"max_depth":-1}}]}"#,
    #"{"policy":"p","grants":[{\#(grant),"delegation":{"max_depth":1,"to":"x"}}]}"#,
    #"{"policy":"p","grants":[{"name":"g","to":{},"role":"r","effects":["read"]}]}"#,
    #"{"policy":"p","grants":[{"name":"g","to":{"teams":["x"]},"role":"r","effects":["read"]}]}"#,
    #"{"policy":"p","grants":[{"name":"g","role":"r","effects":["read"]}]}"#,
    #"{"policy":"p","grants":[{"name":"g","to":{"groups":["x"]},"role":"r"}]}"#,
    #"{"policy":"p","grants":[{"name":"g","to":{"groups":["x"]},"role":"r","effects":["fly"]}]}"#,
    #"{"policy":"p","rules":[{"name":"r"}]}"#, #"{"policy":"p","rules":[{"name":"r","deny":{}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","deny":{"opaque":true},"allow":{"effects":["read"]}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","deny":{"opaque":true,"unless":1}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","deny":{"opaque":true},"wait":"1s"}]}"#,
    #"{"policy":"p","rules":[{"name":"r","deny":{"depth":{"above":1}}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","allow":{"commands":["SET"]}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","allow":{"effects":["read"],"applications":["x"]}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","quarantine":{"effects":["read"]}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","mask":{"columns":["a"],"with":"x","key":"k"}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","mask":{"with":"x"}}]}"#,
    #"{"policy":"p","rules":[{"name":"r","deny":{"networks":["10.0.0.1/8"]}}]}"#,
  ])
  func whatIsNotKnownIsRefused(json: String) {
    #expect(throws: DecodingError.self) { try decode(json) }
  }

  @Test func documentThatUsesNothingNewSaysNothingNew() throws {
    let document = PolicyDocument(name: "p", grants: [Sample.grant(.read)])
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(document), as: UTF8.self)
        == #"{"grants":[{"effects":["read"],"name":"g","role":"app","to":{"subjects":["*"]}}],"#
        + #""policy":"p"}"#)
  }
}
