import APIModel
internal import ControlCore
import Foundation
internal import Hummingbird
import NIOCore

/// Whether the trail has every record of a period.
struct CompletenessHarness: Sendable {
  let completeness: CompletenessService

  func addRoutes(to routes: APIRoutes) {
    routes.on(
      .get, Routes.completeness, query: ["agent", "since", "until"], repeatable: ["agent"]
    ) { call, caller in
      let prepared = try await completeness.prepare(
        agents: call.query.all("agent"), since: call.query["since"], until: call.query["until"],
        by: caller)
      return Response(
        status: .ok,
        headers: [
          .contentType: "application/json; charset=utf-8", .cacheControl: "no-store",
        ],
        body: ResponseBody { writer in
          var writer = writer
          // White space before the object keeps the connection alive while the trail is counted; a
          // failure in the middle ends it, and then there is no object.
          let report = try await prepared.make {
            try await writer.write(ByteBuffer(string: "\n"))
          }
          let encoder = JSONEncoder()
          encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
          try await writer.write(ByteBuffer(bytes: encoder.encode(report)))
          try await writer.finish(nil)
        })
    }
  }
}
