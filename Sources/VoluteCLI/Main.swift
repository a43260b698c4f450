import ArgumentParser
@main struct VoluteCommand: ParsableCommand {}
