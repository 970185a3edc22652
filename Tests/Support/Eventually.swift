/// Waits until `condition` holds, asking every 20 ms.
///
/// - Throws: ``TestFailure`` naming `what` when it does not hold within `limit`.
package func eventually(
  _ what: String, within limit: Duration = .seconds(120),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      throw TestFailure("\(what): not within \(limit)")
    }
    try await Task.sleep(for: .milliseconds(20))
  }
}
