"""What is told to people and machines: answers, terminal view, HTML report.

Pure assembling of what other parts computed; no formula of its own.
"""
