import Logging

/// The names of log metadata, in one place so that a search finds every line about a thing.
package enum LogKey {
  package static let agent = "agent"
  package static let segment = "segment"
  package static let session = "session"
  package static let statement = "statement"
  package static let connection = "connection"
  package static let principal = "principal"
  package static let databaseRole = "role"
  package static let clientAddress = "client"
  package static let serverAddress = "server"
  package static let reason = "reason"
  package static let error = "error"
  package static let bundleVersion = "bundle"
  package static let tokenID = "token_id"
  package static let epoch = "epoch"
  package static let lane = "lane"
  package static let sequence = "seq"
  package static let records = "records"
  package static let address = "address"
  package static let path = "path"
  /// As Hummingbird names it in every line about a request.
  package static let requestID = "hb.request.id"
  package static let method = "method"
  package static let route = "route"
  package static let status = "status"
  package static let milliseconds = "ms"
  package static let component = "component"
}
