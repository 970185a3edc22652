import NIOCore
internal import PostgresWire
import SessionCore

/// Opens the server leg.
extension Session {
  func connectServer() {
    guard let grant, !isConnecting else { return }
    isConnecting = true
    let target = ServerTarget(grant.connection, certificate: certificate)
    lane.connector.open(target).whenComplete { result in
      self.isConnecting = false
      switch result {
      case .success(let channel): self.serverOpened(channel)
      case .failure(let error): self.serverFailed(error)
      }
    }
  }

  func serverOpened(_ leg: ServerChannel) {
    guard client.isOpen, !core.isClosed else {
      leg.channel.close(promise: nil)
      return endIfDone()
    }
    do {
      try leg.channel.pipeline.syncOperations.addHandler(
        SessionLegHandler<ServerLegRole>(session: self))
    } catch {
      leg.channel.close(promise: nil)
      return serverFailed(error)
    }
    recorder.serverAddress = leg.address
    recorder.serverTLS = leg.tls
    let key = lane.commons.cancels.mint(for: self, version: core.clientVersion)
    mintedKey = key
    handle(
      .serverConnected(
        ServerConnected(
          protection: leg.protection, endpointBinding: leg.channelBinding,
          scramNonce: ServerChannel.freshNonce(), mintedKey: key)))
  }

  /// Derives what the login at the server needs; the session's loop goes on meanwhile.
  func derive(_ derivation: ScramDerivation) {
    lane.commons.keyDeriver.keys(of: derivation, on: lane.loop).whenComplete { result in
      switch result {
      case .success(let keys): self.handle(.scramKeysDerived(keys))
      case .failure: self.terminate(.shutdown, detail: "the agent is shutting down")
      }
    }
  }

  func serverFailed(_ error: any Error) {
    let failure = error as? ServerLegFailure
    handle(
      .serverConnectFailed(
        ServerConnectFailure(
          reason: failure?.reason ?? .serverUnreachable, detail: failure?.detail ?? "\(error)")))
    endIfDone()
  }
}
