  7 target7 missed
