/// The bounds of the HTTPS API.
package enum APILimits {
  /// A larger request body is refused with 413.
  package static let bodyBytes = 1 << 20
  /// Clients served at once; further ones wait in the listen queue.
  package static let connections = 1024
  /// A connection that stays silent for this long is closed.
  static let idleSeconds: Int64 = 60
  /// A readiness answer is given again for this long, so that probes cannot load the database.
  static let readinessAge = Duration.milliseconds(500)
  /// A database that has not answered by then counts as away.
  static let readinessDeadline = Duration.seconds(3)
}
