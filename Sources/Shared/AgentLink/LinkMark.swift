/// What stands in the metadata of a refused call, beside its status.
package enum LinkMark {
  /// The key of what the control plane says of the agent's place.
  package static let standing = "sallyport-standing"
  /// An administrator has removed the agent: it ends its clients' sessions and lets nobody in.
  package static let removed = "removed"
}
