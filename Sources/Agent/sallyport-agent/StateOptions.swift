import ArgumentParser

/// Which agent is meant.
struct StateOptions: ParsableArguments {
  @Option(
    name: .customLong("state"),
    help: ArgumentHelp("The agent's state folder, readable by its user only.", valueName: "folder")
  )
  var folder: String
}
