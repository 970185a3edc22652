import AuditLog
import Foundation
import GatewayModel
import TestSupport
import Testing

/// Large objects of libpq: functions that are called outside SQL.
@Suite struct FunctionCallTests {
  private static let contents = String(repeating: "a large object\n", count: 5_000)

  private func script(_ source: String, _ copy: String) -> String {
    "\\lo_import '\(source)'\n\\lo_export :LASTOID '\(copy)'\nSELECT 'still here';\n"
  }

  private func play(
    _ rig: GatewayRig
  ) async throws -> (outcome: Outcome, copied: String?) {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lo-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (source, copy) = (folder.appending(path: "in").path, folder.appending(path: "out").path)
    try Data(Self.contents.utf8).write(to: URL(filePath: source))
    let outcome = try await rig.psql(script(source, copy))
    return (outcome, try? String(contentsOfFile: copy, encoding: .utf8))
  }

  @Test func allowedByTheConnection() async throws {
    let (rig, database) = try await GatewayRig.serving()
    var connection = try database.connection(agent: rig.agent)
    connection.allowsFunctionCalls = true
    await rig.apply([connection], version: 2)
    let (outcome, copied) = try await play(rig)
    #expect(outcome.output.contains("still here"), "\(outcome.errors)")
    #expect(copied == Self.contents)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    let calls = records.begins.filter { $0.wireProtocol == .functionCall }
    #expect(!calls.isEmpty)
    let written = calls.flatMap(\.parameters).compactMap { parameter -> String? in
      guard case .binary(let bytes) = parameter.value else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    }
    #expect(written.joined().contains("a large object\na large object\n"))
    #expect(records.begins.count == records.ends.count)
    #expect(records.ends.allSatisfy { $0.outcome == .completed })
    await rig.end()
  }

  @Test func refusedOtherwise() async throws {
    let (rig, _) = try await GatewayRig.serving()
    let (outcome, copied) = try await play(rig)
    #expect(outcome.errors.contains("not allowed here"))
    #expect(copied == nil)
    let records = try await rig.records("closed") { !$0.closes.isEmpty }
    #expect(records.refusals.contains { $0.sqlstate == "0A000" && $0.reason == "unsupported" })
    await rig.end()
  }
}
