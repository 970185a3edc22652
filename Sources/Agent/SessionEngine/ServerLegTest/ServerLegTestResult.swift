/// The outcome of one try to enter a connection as one of its database roles.
package struct ServerLegTestResult: Hashable, Sendable {
  package var ok: Bool
  /// The server's version when it is well, else what failed and what to do about it.
  package var detail: String
  package var duration: Duration

  package init(ok: Bool, detail: String, duration: Duration) {
    self.ok = ok
    self.detail = detail
    self.duration = duration
  }
}
