import AgentLinkServer
import ControlCore
import Foundation
import GRPCCore
import Hummingbird
import Logging
import NIOCore
import PostgresStore
import ServiceLifecycle
import Telemetry

/// Keeps the database's tables ready and the database open until everything that uses it has ended.
struct StoreService: Service {
  let store: PostgresStore

  func run() async throws {
    await cancelWhenGracefulShutdown { await store.maintain() }
    await store.close()
  }
}

/// What the control plane does on its own: bundles that are due.
struct PlaneService: Service {
  let plane: ControlPlane

  func run() async throws {
    await cancelWhenGracefulShutdown { await plane.run() }
  }
}

/// The agent link.
struct LinkService: Service {
  let server: AgentLinkServer
  let address: ListenAddress

  func run() async throws {
    do {
      try await withGracefulShutdownHandler {
        try await server.run()
      } onGracefulShutdown: {
        server.beginGracefulShutdown()
      }
      // The API's shutdown ends the server too; to return before this service's own turn would
      // look like a failure to the group.
      try? await gracefulShutdown()
    } catch {
      throw ListenFailure.failure(error, listener: "agent link", option: "--link-listen", address)
    }
  }
}

/// The HTTPS API.
struct APIService: Service {
  let application: any ApplicationProtocol
  let link: AgentLinkServer
  let plane: ControlPlane
  let address: ListenAddress

  func run() async throws {
    do {
      try await withGracefulShutdownHandler {
        try await application.run()
      } onGracefulShutdown: {
        // Services end one after the other; agents need not wait for the API's last request.
        link.beginGracefulShutdown()
        // And the API's last requests are those that wait for news of the trail.
        Task { await plane.audit.endWaiting() }
      }
    } catch {
      throw ListenFailure.failure(error, listener: "HTTPS API", option: "--listen", address)
    }
  }
}

/// Says in words why a listener could not begin.
enum ListenFailure {
  static func failure(
    _ error: any Error, listener: String, option: String, _ address: ListenAddress
  ) -> any Error {
    guard let cause = systemError(error) else { return error }
    let reason =
      switch cause.errnoCode {
      case EADDRINUSE: "the address is taken"
      case EACCES, EPERM: "this user may not listen there"
      case EADDRNOTAVAIL: "this host has no such address"
      default: String(cString: strerror(cause.errnoCode))
      }
    return StartFailure(
      .listening, "The \(listener) cannot listen on \(address): \(reason).",
      remedy: "End what listens there, or name another address with \(option).")
  }

  /// The system's error at the bottom of `error`.
  private static func systemError(_ error: any Error) -> IOError? {
    switch error {
    case let error as IOError: error
    case let error as RuntimeError: error.cause.flatMap(systemError)
    default: nil
    }
  }
}
