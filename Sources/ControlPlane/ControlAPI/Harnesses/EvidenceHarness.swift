import APIModel
internal import ControlCore
import Foundation
internal import Hummingbird
import NIOCore

/// The records themselves and the proofs of single ones.
struct EvidenceHarness: Sendable {
  let evidence: EvidenceService

  func addRoutes(to routes: APIRoutes) {
    routes.on(.get, Routes.export, query: ["agent", "since", "until"], repeatable: ["agent"]) {
      call, caller in
      let export = try await evidence.export(
        agents: call.query.all("agent"), since: call.query["since"], until: call.query["until"],
        by: caller)
      return Self.lines { write in try await export.write(to: write) }
    }
    routes.on(.get, Routes.comparison, query: ["agent"], repeatable: ["agent"]) { call, caller in
      let comparison = try await evidence.comparison(agents: call.query.all("agent"), by: caller)
      return Self.lines { write in try await comparison.write(to: write) }
    }
    routes.on(.get, "\(Routes.proofs)/{agent}/{epoch}/{lane}/{seq}") { call, caller in
      func number<Value: FixedWidthInteger>(_ name: String) throws -> Value {
        let text = try call.path(name)
        guard let value = Value(text) else {
          throw ControlError(
            .invalid, "The \(name) \"\(text)\" is not a number of a record.",
            remedy: "Name it as AGENT/EPOCH/LANE/SEQ.")
        }
        return value
      }
      return try .json(
        await evidence.proof(
          agent: call.path("agent"), epoch: number("epoch"), lane: number("lane"),
          seq: number("seq"), by: caller))
    }
  }

  /// An answer of JSON lines.
  private static func lines(
    _ body: @escaping @Sendable (@escaping (Data) async throws -> Void) async throws -> Void
  ) -> Response {
    Response(
      status: .ok,
      headers: [.contentType: "application/jsonl", .cacheControl: "no-store"],
      body: ResponseBody { writer in
        // A failure in the middle ends the connection: what came has no last line then.
        let sink = Sink(writer)
        try await body { try await sink.write(ByteBuffer(bytes: $0)) }
        try await sink.finish()
      })
  }
}

/// The body's writer, which can only be used from one place, for a closure.
private final class Sink {
  private var writer: any ResponseBodyWriter
  init(_ writer: any ResponseBodyWriter) { self.writer = writer }
  func write(_ bytes: ByteBuffer) async throws { try await writer.write(bytes) }
  func finish() async throws { try await writer.finish(nil) }
}
