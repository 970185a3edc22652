internal import GatewayModel
import NIOCore
internal import PostgresWire
import SessionCore

/// Tries a connection as one of its roles, just as a session would enter it.
enum ServerLegTester {
  /// Opens a server leg, logs in, asks for the server's version, and leaves. Never fails: what went
  /// wrong is the result. Nothing is recorded, since nobody's statement runs. On the lane's loop.
  static func test(
    _ name: String, role: String, on lane: SessionLane
  ) -> EventLoopFuture<ServerLegTestResult> {
    let started = NIODeadline.now()
    @Sendable func result(_ ok: Bool, _ detail: String) -> ServerLegTestResult {
      let spent = NIODeadline.now() - started
      return ServerLegTestResult(
        ok: ok, detail: detail, duration: .nanoseconds(spent.nanoseconds))
    }
    guard let policy = lane.policy, let connection = policy.connection(named: name) else {
      return lane.loop.makeSucceededFuture(
        result(false, "the agent's bundle has no connection \"\(name)\"; register it first"))
    }
    let judge = LoginJudge(
      policy: policy, agent: lane.commons.configuration.agent,
      openCredential: lane.commons.openCredential)
    let credential: ServerCredential
    do throws(LoginJudge.CredentialFailure) {
      credential = try judge.credential(of: role, at: connection)
    } catch {
      return lane.loop.makeSucceededFuture(result(false, error.detail))
    }
    let target = ServerTarget(connection, certificate: credential.certificate)
    let done = lane.loop.makePromise(of: String.self)
    let limit = lane.commons.configuration.limits.serverConnectDeadline
    lane.connector.open(target).assumeIsolated().whenComplete { opened in
      do {
        let leg = try opened.get()
        let timeout = lane.loop.scheduleTask(in: TimeAmount(limit)) {
          done.fail(ServerLegFailure.deadline(target, limit))
          leg.channel.close(promise: nil)
        }
        done.futureResult.whenComplete { _ in timeout.cancel() }
        try leg.channel.pipeline.syncOperations.addHandler(
          ServerLegProbe(
            leg: leg, connection: connection, role: role, credential: credential,
            deriver: lane.commons.keyDeriver,
            configuration: lane.commons.configuration, done: done))
      } catch {
        done.fail(error)
      }
    }
    return done.futureResult.map { result(true, $0) }.recover { error in
      result(false, (error as? ServerLegFailure)?.detail ?? "\(error)")
    }
  }
}
