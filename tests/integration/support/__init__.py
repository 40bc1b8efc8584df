# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the integration tests share. Nothing in here knows how the programs under test work."""
