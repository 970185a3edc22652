import SessionCore

/// A power-safe session: what waits until records are on the medium.
extension Session {
  /// What goes to the server from now on waits for everything recorded so far. The client is read
  /// no further meanwhile.
  func holdServerForSync() {
    server.hold(until: lane.writer.nextSeq, atBoundary: true)
    serverWritability(server.context?.channel.isWritable ?? true)
    markDirty()
  }

  /// What goes to the client from now on waits for everything recorded so far. The server works
  /// on meanwhile, and is read while there is room for what it says.
  func holdClientForSync() {
    client.hold(until: lane.writer.nextSeq, atBoundary: core.isBetweenServerMessages)
    markDirty()
  }

  /// Stops reading the server while too much of what it said waits.
  func boundHeld() {
    if client.holdsTooMuch { server.setPausedByOther(true) }
  }

  /// Everything below `synced` is on the medium: the tick sends what waited for that.
  func synced(below synced: UInt64) {
    isAwaitingSync = false
    server.release(below: synced)
    client.release(below: synced)
    serverWritability(server.context?.channel.isWritable ?? true)
    clientWritability(client.context?.channel.isWritable ?? true)
    markDirty()
  }
}
